"""How a message leaves: web push that the edge has sealed, e-mail without content. Imports settings and model."""
