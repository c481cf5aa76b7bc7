#!/bin/sh
# Makes secrets/, which compose.yaml reads: passwords by chance, and the addresses that hold them. Touches nothing that is there.
set -eu
cd "$(dirname "$0")"
# Programs in the containers are other users than you and have to read these files: the folder keeps everybody else out.
umask 022
mkdir -m 700 secrets
cd secrets
for name in postgres owner app redis; do
  openssl rand -hex 24 > "${name}_password"
done
rabbit=$(openssl rand -hex 24)
printf 'default_user = guardian\ndefault_pass = %s\n' "$rabbit" > rabbitmq.conf
echo "postgresql+asyncpg://guardian_app:$(cat app_password)@postgres/guardian" > store_url
echo "postgresql+asyncpg://guardian_owner:$(cat owner_password)@postgres/guardian" > owner_url
echo "redis://:$(cat redis_password)@redis:6379/0" > redis_url
echo "amqp://guardian:$rabbit@rabbitmq/" > amqp_url
: > client_secret
echo "secrets/client_secret is empty: write your provider's word into it, unless it gave none."
