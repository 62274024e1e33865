"""S3D under the name that users of the original toolkit import; see :mod:`mmpt.encoders.s3d`."""

from mmpt.encoders.s3d import S3D

__all__ = ["S3D"]
