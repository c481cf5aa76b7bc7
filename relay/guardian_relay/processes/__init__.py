"""Where the relay is put together; nobody imports it but the command line."""
