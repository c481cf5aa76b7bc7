"""An archive of sealed footage outside the house: packs that say nothing, on Filecoin, S3, IPFS or in another folder."""
