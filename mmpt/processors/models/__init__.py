"""Where users of the original toolkit look for S3D."""
