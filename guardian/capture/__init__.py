"""From a camera source to normalised samples: times that never go back, reconnecting, stalls. Imports media, platform, model."""
