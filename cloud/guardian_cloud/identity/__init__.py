"""Who somebody is: OpenID Connect for people, JWT for programs. Imports settings and model."""
