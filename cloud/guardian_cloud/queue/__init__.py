"""Work that outlives a crash, handed on: in this process, or over RabbitMQ. Imports settings and model."""
