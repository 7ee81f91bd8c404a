"""Code in the shapes of public repositories, rebuilt in lines of our own: images in four
dimensions, three results, clipping, Euler's and Langevin's steps. `HEALTHY[name] = (kind, what is said)`."""
import math
import torch

T = 1000
BETAS = torch.linspace(1e-4, .02, T)
ABAR = torch.cumprod(1 - BETAS, 0)
PREV = torch.cat([torch.ones(1), ABAR[:-1]])
SMALL = BETAS * (1 - PREV) / (1 - ABAR)
SIGMAS = torch.cat([torch.logspace(-2, 1.9, 64), torch.tensor([80.])])


def wide(v, t): return v[t][:, None, None, None]
def flat(v, t): return v[t].reshape(-1, 1)
def told(x, t): return torch.full((len(x),), t)
def grid(n): return [*torch.linspace(T - 1, 0, n).round().long().tolist(), -1]
def left(t): return ABAR[t] if t >= 0 else torch.tensor(1.)


# forward

def images_only(x0, t, noise): return wide(ABAR, t).sqrt() * x0 + wide(1 - ABAR, t).sqrt() * noise
def rows_only(x0, t, noise): return flat(ABAR, t).sqrt() * x0 + flat(1 - ABAR, t).sqrt() * noise
def flow_noise_first(x0, t, noise):
    t = t.view(-1, *[1] * (x0.ndim - 1))
    return t * x0 + (1 - t) * noise
def one_step(x, t, noise): return wide(1 - BETAS, t).sqrt() * x + wide(BETAS, t).sqrt() * noise


# posterior

def _mean(x0, x_t, t, before=PREV):
    c0 = BETAS * before.sqrt() / (1 - ABAR)
    return wide(c0, t) * x0 + wide((1 - BETAS).sqrt() * (1 - before) / (1 - ABAR), t) * x_t
def three_results(x0, x_t, t):
    return _mean(x0, x_t, t), wide(SMALL, t), wide(SMALL.clamp(min=1e-20).log(), t)
def log_variance(x0, x_t, t): return three_results(x0, x_t, t)[::2]


# guidance of both halves of one batch

def doubled(out, scale):
    c, u = out.chunk(2)
    half = u + scale * (c - u)
    return torch.cat([half, half])
def doubled_results(c, u, scale): return (u + scale * (c - u)).repeat(2, 1, 1, 1)


# samplers

def _chain(model, x, generator, mean, var=SMALL):
    for t in reversed(range(T)):
        x = mean(x, model(x, told(x, t)), told(x, t))
        x = x + var[t].sqrt() * torch.randn(x.shape, generator=generator)
    return x
def _eps_mean(x, eps, t):
    return (x - wide(BETAS / (1 - ABAR).sqrt(), t) * eps) / wide(1 - BETAS, t).sqrt()
def chain_of_images(model, x, steps, generator=None):
    return _chain(model, x, generator, _eps_mean, SMALL)
def chain_clipped(model, x, steps, generator=None):
    def mean(x, eps, t):
        x0 = (x - wide(1 - ABAR, t).sqrt() * eps) / wide(ABAR, t).sqrt()
        return _mean(x0.clamp(-1, 1), x, t)
    return _chain(model, x, generator, mean)
def _ddim(model, x, steps, generator=None, clip=False, first=-1, eta=0., change=None):
    at = grid(steps)
    for t, s in zip(at, at[1:]):
        a, b = left(t), left(s if s >= 0 else first)
        if change: a, b = change(a), change(b)
        eps = model(x, told(x, t))
        x0 = (x - (1 - a).sqrt() * eps) / a.sqrt()
        if clip: x0 = x0.clamp(-1, 1)
        if clip: eps = (x - a.sqrt() * x0) / (1 - a).sqrt()
        x = b.sqrt() * x0 + (1 - b).sqrt() * eps
    return x
def ddim_clipped(model, x, steps): return _ddim(model, x, steps, clip=True)
def ddim_of_images(model, x, steps): return _ddim(model, x, steps) + 0 * wide(ABAR, told(x, 0))
def respaced_clipped(model, x, steps, generator=None, share=0.):
    at = grid(steps)
    for t, s in zip(at, at[1:]):
        a, b = left(t), left(s)
        x0 = ((x - (1 - a).sqrt() * model(x, told(x, t))) / a.sqrt()).clamp(-1, 1)
        beta = 1 - a / b
        x = (b.sqrt() * beta * x0 + (1 - beta).sqrt() * (1 - b) * x) / (1 - a)
        if s >= 0: x = x + (beta * ((1 - b) / (1 - a)) ** (1 - share)).sqrt() * torch.randn(
            x.shape, generator=generator)
    return x
def variance_between(model, x, steps, generator=None):
    "As a learned variance is: between the smaller and the larger of DDPM."
    return respaced_clipped(model, x, steps, generator, .5)
def flow_euler(model, x, steps):
    for i in range(steps): x = x + model(x, torch.tensor(i / steps)) / steps
    return x
def vp_log_snr(t): return -torch.expm1(.1 * t + 9.95 * t * t).log()
def vp_euler(model, x, steps):
    "Euler's method for the probability-flow ODE of the continuous VP process."
    at = torch.linspace(1, 1e-3, steps + 1)
    for t, s in zip(at, at[1:]):
        beta, sigma = .1 + 19.9 * t, vp_log_snr(t).neg().sigmoid().sqrt()
        x = x + (s - t) * .5 * beta * (model(x, t) / sigma - x)
    return x
def vp_euler_maruyama(model, x, steps, generator=None):
    "That of score_sde: one step more than intervals, and the last mean without its noise."
    for t in torch.linspace(1, 1e-3, steps):
        beta, sigma = .1 + 19.9 * t, vp_log_snr(t).neg().sigmoid().sqrt()
        mean = x + beta / steps * (x / 2 - model(x, t) / sigma)
        x = mean + (beta / steps).sqrt() * torch.randn(x.shape, generator=generator)
    return mean
def ve_heun(model, x, steps):
    "EDM's ablation, in t = σ², where the first half of a step leaves much noise."
    at = (80 * (.02 / 80) ** torch.linspace(0, 1, steps)).double().tolist() + [0.]
    for a, b in zip(at, at[1:]):
        d = (x - model(x, torch.tensor(a))) / a ** 2 / 2
        y = x + (b * b - a * a) * d
        x = y if b == 0 else x + (b * b - a * a) * (
            d + (y - model(y, torch.tensor(b))) / b ** 2 / 2) / 2
    return x
def ve_euler(model, x, steps):
    "EDM's ablation: σ = sqrt(t), even in t as for VE."
    at = (80 * (.02 / 80) ** torch.linspace(0, 1, steps)).tolist() + [0.]
    for a, b in zip(at, at[1:]):
        x = x + (x - model(x, torch.tensor(a))) / a ** 2 * (b * b - a * a) / 2
    return x
def corrector(model, x, steps, generator=None):
    "A predictor of the reverse SDE, and a step of Langevin at the level that it leads to."
    at = (80 * (.01 / 80) ** torch.linspace(0, 1, steps)).tolist() + [0.]
    for a, b in zip(at, at[1:]):
        score = model(x, torch.tensor(a))
        x = x + (a * a - b * b) * score
        if b == 0: return x
        x = x + (a * a - b * b) ** .5 * torch.randn(x.shape, generator=generator)
        score, noise = model(x, torch.tensor(b)), torch.randn(x.shape, generator=generator)
        size = 2 * (.16 * noise.norm() / score.norm()) ** 2
        x = x + size * score + (2 * size) ** .5 * noise
    return x
def heun(model, x, steps, end=True):
    r = torch.arange(steps) / (steps - 1)
    at = ((80 ** (1 / 7) + r * (.02 ** (1 / 7) - 80 ** (1 / 7))) ** 7).double()
    at = [*at.tolist(), 0.] if end else at.tolist()
    for a, b in zip(at, at[1:]):
        d = (x - model(x, torch.tensor(a))) / a
        y = x + (b - a) * d
        x = y if b == 0 else x + (b - a) * (d + (y - model(y, torch.tensor(b))) / b) / 2
    return x
def raw_network(model, x, steps):
    "EDM's sampler around the network F itself, of scaled input and log σ / 4."
    def denoised(x, s):
        v = s ** 2 + .25
        f = model(x / v.sqrt(), s.log() / 4)
        return .25 / v * x + s * .5 / v.sqrt() * f
    return heun(denoised, x, steps)
def _dpmpp(model, x, steps, sign=1.):
    at, old, last = grid(steps), None, 0.
    for t, s in zip(at, at[1:]):
        a, b = left(t).double(), left(s).double()
        x0 = (x - (1 - a).sqrt() * model(x, told(x, t))) / a.sqrt()
        if s < 0: return x0
        h = (b.logit() - a.logit()) / 2
        d = x0 if old is None else x0 + sign * (x0 - old) * h / last / 2
        x = ((1 - b) / (1 - a)).sqrt() * x - b.sqrt() * torch.expm1(-h) * d
        old, last = x0, h
def dpmpp(model, x, steps): return _dpmpp(model, x, steps)
def _plms(model, x, steps, how, first=1.):
    at, old = grid(steps), []
    for t, s in zip(at, at[1:]):
        a, b = left(t), left(s) if s >= 0 else torch.tensor(first)
        old = [model(x, told(x, t)), *old][:4]
        eps = sum(c * e for c, e in zip(how[len(old)], old))
        x = b.sqrt() * (x - (1 - a).sqrt() * eps) / a.sqrt() + (1 - b).sqrt() * eps
    return x
_ADAMS = {1: [1], 2: [1.5, -.5], 3: [23 / 12, -16 / 12, 5 / 12],
          4: [55 / 24, -59 / 24, 37 / 24, -9 / 24]}
def plms(model, x, steps): return _plms(model, x, steps, _ADAMS)


# losses

def _loss(model, x0, shape=wide, times=(0, T), late=0, a=ABAR, generator=None):
    t = torch.randint(*times, (len(x0),), generator=generator)
    noise = torch.randn(x0.shape, generator=generator)
    x = shape(a, t).sqrt() * x0 + (1 - shape(a, t)).sqrt() * noise
    return (model(x, t + late) - noise) ** 2
def loss_of_rows(model, x0, generator=None): return _loss(model, x0, flat, generator=generator).mean()
def loss_of_a_batch(model, x0, generator=None):
    each = _loss(model, x0, generator=generator).flatten(1).mean(1)
    return dict(loss=each, mse=each)
def _edm_loss(model, x0, draw, generator):
    s = (draw(len(x0), generator=generator) * 1.2 - 1.2).exp().view(-1, 1, 1, 1).to(x0)
    x = x0 + s * torch.randn(x0.shape, generator=generator)
    return ((s ** 2 + .25) / (.5 * s) ** 2 * (model(x, s.flatten()) - x0) ** 2).mean()
def edm_loss(model, x0, generator=None): return _edm_loss(model, x0, torch.randn, generator)


_B = dict(betas=BETAS)
def _s(steps=16, predicts="eps", **levels): return dict(steps=steps, predicts=predicts) | levels
_VP, _VE = dict(log_snr=vp_log_snr), dict(sigmas=SIGMAS)
HEALTHY = dict(
    images_only=("forward", _B), rows_only=("forward", _B), three_results=("posterior", _B),
    chain_of_images=("sampler", _s(1000, **_B)), chain_clipped=("sampler", _s(1000, **_B)),
    ddim_clipped=("sampler", _s(**_B)), ddim_of_images=("sampler", _s(**_B)),
    respaced_clipped=("sampler", _s(100, **_B)), variance_between=("sampler", _s(100, **_B)),
    vp_euler=("sampler", _s(**_VP)),
    vp_euler_100=("sampler", _s(100, **_VP)), vp_euler_1000=("sampler", _s(1000, **_VP)),
    vp_euler_maruyama=("sampler", _s(500, **_VP)), log_variance=("posterior", _B),
    ve_euler=("sampler", _s(16, "x", **_VE)), ve_heun=("sampler", _s(16, "x", **_VE)),
    corrector=("sampler", _s(500, "score", **_VE)),
    heun=("sampler", _s(16, "x", **_VE)), dpmpp=("sampler", _s(**_B)), plms=("sampler", _s(**_B)),
    loss_of_rows=("loss", _B), loss_of_a_batch=("loss", _B),
    edm_loss=("loss", dict(predicts="x", weight=lambda s: 4 + s ** -2, **_VE)),
    flow_noise_first=("forward", dict(flow="noise first")),
    flow_euler=("sampler", dict(predicts="flow", flow="noise first")),
    one_step=("step", _B), doubled=("guidance", dict(says="scale")),
    doubled_results=("guidance", dict(says="scale")),
    raw_network=("sampler", _s(16, "edm", **_VE)))
vp_euler_100 = vp_euler_1000 = vp_euler
