"""What is deployed, built from source: compiled (`compiling`), put into zips (`packing`), checked (`checking`)."""
