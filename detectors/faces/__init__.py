"""Faces in video as FTCN and StyleFlow expect them: found, followed, aligned, 32 frames at a time."""
