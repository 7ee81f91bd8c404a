"""Fifteen faults of public code, rebuilt from their threads in lines of our own: what a checker
of foreign functions is held against. Each function stands as its author might have it, with the
convention that the author would name; `TRUTH` says what is wrong, in words."""

import math
import numpy as np
import torch

T = 1000
BETAS = torch.linspace(1e-4, .02, T, dtype=torch.float64)
ABAR = torch.cumprod(1 - BETAS, 0)


def at(values, t, x):
    "The values at integer times, with the dimensions of x."
    return values[t].to(x).reshape(-1, *[1] * (x.ndim - 1))


# forward processes: (x0, t, noise) -> x_t, t an integer from 0 to T - 1

def forward_without_root(x0, t, noise):
    "The noise gets its variance for a factor: a missing square root."
    return at(ABAR, t, x0).sqrt() * x0 + at(1 - ABAR, t, x0) * noise


# schedules

def linear_250(steps=250):
    "Betas: the ends of the schedule of 1,000 steps, with 250: 0.28 of the picture is left."
    return torch.linspace(1e-4, .02, steps, dtype=torch.float64)


def cosine_from_one(steps=250):
    "abar: a cosine schedule whose first entry is 1: a division by 0 in the last step."
    t = torch.linspace(0, 1, steps, dtype=torch.float64)
    f = torch.cos((t + .008) / 1.008 * math.pi / 2) ** 2
    return f / f[0]


# posteriors: (x0, x_t, t) -> mean and variance of x_{t-1}, t from 1 to T - 1

def posterior_with_roots(x0, x_t, t):
    "sqrt(1 - abar) where 1 - abar belongs."
    a, before, beta = at(ABAR, t, x0), at(ABAR, t - 1, x0), at(BETAS, t, x0)
    mean = before.sqrt() * beta / (1 - a).sqrt() * x0
    mean = mean + (1 - beta).sqrt() * (1 - before) / (1 - a).sqrt() * x_t
    return mean, beta * (1 - before) / (1 - a)


def posterior_of_the_next(x0, x_t, t):
    "The right mean, and the variance of the next step, towards the noise."
    a, before, beta = at(ABAR, t, x0), at(ABAR, t - 1, x0), at(BETAS, t, x0)
    mean = (before.sqrt() * beta * x0 + (1 - beta).sqrt() * (1 - before) * x_t) / (1 - a)
    after = (t + 1).clamp(max=T - 1)
    return mean, at(BETAS, after, x0) * (1 - a) / (1 - at(ABAR, after, x0))


# guidance: (eps_cond, eps_uncond, w) -> eps, with the w of the paper: 0 is the class branch

def guidance_scale_for_w(eps_cond, eps_uncond, w):
    "The scale of most libraries, which is 1 + w, called with the paper's w."
    return eps_uncond + w * (eps_cond - eps_uncond)


def guidance_with_a_sign(eps_cond, eps_uncond, w):
    "Both branches are added."
    return (1 + w) * eps_cond + w * eps_uncond


# samplers: (model, x, steps, generator) -> samples; model(x, t) predicts the noise at integer t

def _times(steps, first=T - 1):
    return np.linspace(first, 0, steps).round().astype(int)


def _eps(model, x, t):
    return model(x, torch.full((len(x),), int(t), dtype=torch.int64))


def ddim_prev_table(model, x, steps, generator=None):
    "DDIM that looks its levels up in the table of the step before: each a step too clean."
    shifted = torch.cat([torch.ones(1, dtype=ABAR.dtype), ABAR[:-1]])
    times = _times(steps)
    for t, s in zip(times, times[1:]):
        a, b, eps = shifted[t].item(), shifted[s].item(), _eps(model, x, t)
        x0 = (x - (1 - a) ** .5 * eps) / a ** .5
        x = b ** .5 * x0 + (1 - b) ** .5 * eps
    return x


def ddim_noisy_end(model, x, steps, generator=None):
    "DDIM whose last level is the first of the stride, not the data: noise is left."
    stride = T // steps
    times = np.arange(0, T, stride)[::-1]
    for t in times:
        a = ABAR[t].item()
        b = ABAR[max(t - stride, stride // 2)].item()
        eps = _eps(model, x, t)
        x0 = (x - (1 - a) ** .5 * eps) / a ** .5
        x = b ** .5 * x0 + (1 - b) ** .5 * eps
    return x


def ddim_from_the_middle(model, x, steps, generator=None):
    "Begins with pure noise, and tells the network a time in the middle of the chain."
    times = [T * i // steps for i in range(steps)][::-1]
    for i, t in enumerate(times):
        s = times[i + 1] if i + 1 < len(times) else None
        a = ABAR[t].item()
        b = ABAR[s].item() if s is not None else 1.
        eps = _eps(model, x, t)
        x0 = (x - (1 - a) ** .5 * eps) / a ** .5
        x = b ** .5 * x0 + (1 - b) ** .5 * eps
    return x


def ddim_too_much_noise(model, x, steps, generator=None, eta=1.):
    "The new noise of DDIM at eta = 1 has the variance of the level, not that of the step."
    times = [*_times(steps), -1]
    for t, s in zip(times, times[1:]):
        a = ABAR[t].item()
        b = ABAR[s].item() if s >= 0 else 1.
        eps = _eps(model, x, t)
        x0 = (x - (1 - a) ** .5 * eps) / a ** .5
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        direction = max(1 - b - eta ** 2 * (1 - a), 0) ** .5 * eps
        x = b ** .5 * x0 + direction + (eta * (1 - a) ** .5 * noise if s >= 0 else 0)
    return x


def ancestral_wrong_mean(model, x, steps=T, generator=None):
    "DDPM's step with the variance of the level where that of the step belongs."
    for t in range(T - 1, -1, -1):
        a, beta = ABAR[t].item(), BETAS[t].item()
        mean = (x - (1 - a) / (1 - a) ** .5 * _eps(model, x, t)) / (1 - beta) ** .5
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = mean + (beta ** .5 * noise if t else 0)
    return x


def velocity_with_a_sign(model, x, steps, generator=None):
    "DDIM of a network that predicts v, with x0 = alpha x + sigma v: the sign is wrong."
    times = [*_times(steps), -1]
    for t, s in zip(times, times[1:]):
        a = ABAR[t].item()
        b = ABAR[s].item() if s >= 0 else 1.
        v = _eps(model, x, t)
        x0 = a ** .5 * x + (1 - a) ** .5 * v
        eps = a ** .5 * v + (1 - a) ** .5 * x
        x = b ** .5 * x0 + (1 - b) ** .5 * eps
    return x


def data_taken_for_noise(model, x, steps, generator=None):
    "DDIM of a network that predicts the data, whose answer is taken for the noise as well."
    times = [*_times(steps), -1]
    for t, s in zip(times, times[1:]):
        b = ABAR[s].item() if s >= 0 else 1.
        x0 = eps = _eps(model, x, t)
        x = b ** .5 * x0 + (1 - b) ** .5 * eps
    return x


# losses: (model, x0, generator) -> a number; model(x, t) predicts the noise

def loss_sum(model, x0, generator=None):
    "The sum over pixels where the mean over pixels is said."
    t = torch.randint(T, (len(x0),), generator=generator)
    noise = torch.randn(x0.shape, generator=generator, dtype=x0.dtype)
    x = at(ABAR, t, x0).sqrt() * x0 + (1 - at(ABAR, t, x0)).sqrt() * noise
    return (model(x, t) - noise).square().flatten(1).sum(1).mean()


TRUTH = {  # name: (kind, the author's convention, what is wrong, the thread)
    "forward_without_root": (
        "forward", "abar", "a missing root: variance for standard deviation",
        "the slip of several first implementations; the list of 98d"),
    "linear_250": (
        "schedule", "betas", "the end is not noise: sqrt(abar_T) is 0.28",
        "a schedule of 1,000 steps cut to 250; ends that are not noise: crowsonkb/k-diffusion 64"),
    "cosine_from_one": (
        "schedule", "abar", "the first level is clean: log SNR is infinite, a division by 0",
        "Project-MONAI/MONAI pull request 8427"),
    "posterior_with_roots": (
        "posterior", "betas", "sqrt(1 - abar) for 1 - abar", "lucidrains/DALLE2-pytorch pull 16"),
    "posterior_of_the_next": (
        "posterior", "betas", "the variance is that of another step", "aqlaboratory/genie issue 5"),
    "guidance_scale_for_w": (
        "guidance", "w of the paper", "w for 1 + w", "huggingface/diffusers issue 5882"),
    "guidance_with_a_sign": (
        "guidance", "w of the paper", "the branch without a class is added, not taken away",
        "labmlai/annotated_deep_learning_paper_implementations issue 177"),
    "ddim_prev_table": (
        "sampler", "integer t, eps", "levels off by one step",
        "lucidrains/denoising-diffusion-pytorch issue 81"),
    "ddim_noisy_end": (
        "sampler", "integer t, eps", "the last step does not end at the data",
        "Stability-AI/stablediffusion pull request 345"),
    "ddim_from_the_middle": (
        "sampler", "integer t, eps", "begins with pure noise at a time that is not the noisiest",
        "openai/improved-diffusion issue 44"),
    "ddim_too_much_noise": (
        "sampler", "integer t, eps", "the variance of the new noise is of the level, not the step",
        "jsboige/CoursIA pull request 16158"),
    "ancestral_wrong_mean": (
        "sampler", "integer t, eps", "the mean takes the level's variance for the step's",
        "coleygroup/shepherd issue 13, pull request 14"),
    "velocity_with_a_sign": (
        "sampler", "integer t, v", "a sign in x0 = alpha x - sigma v",
        "huggingface/diffusers pull request 1421 (review)"),
    "data_taken_for_noise": (
        "sampler", "integer t, x", "the predicted data stand for the noise",
        "huggingface/diffusers pull request 2094"),
    "loss_sum": (
        "loss", "mean over pixels, eps", "sum for mean", "a common question: what loss to expect"),
}
