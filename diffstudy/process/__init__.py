"""The forward process, its schedule and posteriors, and the samplers that undo it."""
from .process import (
    Coefficients, Transition, alpha, forward, gamma_from_snr, marginal, noised, posterior,
    posterior_coefficients, reverse, sigma, snr, transition)
from .notation import (
    FORMS, PREDICTIONS, betas_from_gammas, convert, edm_sigma, eps_from_flow, flow_from_eps,
    flow_latent, flow_time, from_ve, gamma_from_alpha_sigma, gamma_from_edm_sigma,
    gammas_from_betas, scale_from_w, to_ve, w_from_scale)
from .schedule import (
    Betas, Cosine, LearnedLinear, Linear, Logistic, Monotone, Schedule, even_levels, grid,
    inverse_softplus)
from .sample import (
    Steps, ancestral, check_grid, check_state, coefficients, ddim, initial, probability_flow,
    walk)
