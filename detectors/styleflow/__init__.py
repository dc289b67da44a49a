"""StyleFlow: how a face's StyleGAN latents move from frame to frame (Choi et al., CVPR 2024)."""
