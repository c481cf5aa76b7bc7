"""What may be lost: sessions, limits, word that something is new. In this process, or in Redis. Imports settings and model."""
