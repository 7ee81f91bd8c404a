"""Denoising diffusion GANs: few large steps, each drawn by a conditional generator."""
from .steps import (
    ExactGenerator, Pair, betas, chain_gammas, ddpm_step, denoise, exact_step, generate,
    gradient_penalty, optimal_logit, sample_pairs)
