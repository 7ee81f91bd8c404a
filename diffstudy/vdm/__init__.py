"""Variational diffusion models: the bound, its continuous-time loss, the model."""
from .bound import (
    bits_per_dim, centers, diffusion_loss, diffusion_loss_x, level_logits, prior_loss,
    random_steps, reconstruction_loss, step_kl)
from .heads import CategoricalNet, FineCategoricalNet
from .model import SPACING, STEPS, VDM, augment, loss, nll, optimizer, training_loss
