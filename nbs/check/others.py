"""Right diffusion code, written without sight of the checker.

`HEALTHY[name] = (kind, levels, extra)`; `globals()[name]` is the function (or a table, for some
schedules). The styles are those of diffusers, lucidrains, k-diffusion, EDM and torchcfm;
everything is written anew. A time of `sigmas` is the sigma itself, of `flow`
and `log_snr` a number from 0 (data) to 1 (noise), of `betas` and `abar` an integer from 0.
Left out of the healthy: multistep consistency sampling, which is right with a consistency model
but loses variance with a denoiser.
"""
import math
import numpy as np
import torch
import torch.nn.functional as F
BETAS = torch.linspace(1e-4, .02, 1000, dtype=torch.float64).float()
ABAR = torch.cumprod(1 - BETAS, 0)
SHORT = torch.linspace(5e-4, .1, 200)   # for the samplers that walk over every step
SHORT_ABAR = torch.cumprod(1 - SHORT, 0)
def karras(n, lo=.02, hi=20., rho=7.):
    ramp = torch.linspace(0, 1, n)
    return F.pad((hi ** (1 / rho) + ramp * (lo ** (1 / rho) - hi ** (1 / rho))) ** rho, (0, 1))
SIGMAS = karras(40)
def cosine_log_snr(t, s=.008):
    "lucidrains, continuous time"
    t = torch.as_tensor(t)
    return -torch.log((torch.cos((t + s) / (1 + s) * math.pi * .5) ** -2 - 1).clamp(min=1e-5))
def extract(a, t, x):
    return a.gather(-1, torch.as_tensor(t).reshape(-1)).reshape(-1, *((1,) * (x.ndim - 1)))
def full(x, t): return torch.full((x.shape[0],), t, device=x.device, dtype=torch.long)
def spaced(steps, T=1000): return torch.linspace(T - 1, 0, steps).round().long().tolist()
def pairs(ts): return zip(ts, ts[1:] + [-1])
def level(t): return ABAR[t] if t >= 0 else torch.tensor(1.)


def small(t, x, x0, z, std=True, betas=SHORT, abar=SHORT_ABAR):
    ab, prev, beta = abar[t], abar[t - 1] if t else torch.tensor(1.), betas[t]
    mean = (beta * prev.sqrt() * x0 + (1 - prev) * (1 - beta).sqrt() * x) / (1 - ab)
    var = beta * (1 - prev) / (1 - ab)
    return mean + (var.sqrt() if std else var) * z
def short_x0(model, x, t):
    ab = SHORT_ABAR[t]
    return (x - (1 - ab).sqrt() * model(x, full(x, t))) / ab.sqrt()

# ---- healthy schedules
scaled_linear_betas = torch.linspace(.00085 ** .5, .012 ** .5, 1000) ** 2
vp_sigmas = ((1 - ABAR) / ABAR) ** .5
karras_sigmas = SIGMAS
def lucid_cosine_betas(timesteps=1000, s=.008):
    "taken for a bug in lucidrains/denoising-diffusion-pytorch#19 and jannerm/diffuser#68: no"
    steps = timesteps + 1
    x = torch.linspace(0, steps, steps, dtype=torch.float64)
    ab = torch.cos(((x / steps) + s) / (1 + s) * math.pi * .5) ** 2
    return torch.clip(1 - ab[1:] / ab[:-1], 0, .999)

def sigmoid_abar(T=1000, start=-3, end=3, tau=1):
    t = torch.linspace(0, T, T + 1, dtype=torch.float64) / T
    a, b = torch.tensor(start / tau).sigmoid(), torch.tensor(end / tau).sigmoid()
    ab = (b - ((t * (end - start) + start) / tau).sigmoid()) / (b - a)
    return torch.cumprod(torch.clip(ab[1:] / ab[:-1], .001, 1), 0)
def zero_snr_abar():
    r = torch.cumprod(1 - scaled_linear_betas, 0).sqrt()
    return ((r - r[-1]) * r[0] / (r[0] - r[-1])) ** 2
def vdm_log_snr(t): return 13.3 - 18.3 * torch.as_tensor(t)

# ---- healthy forwards, posteriors, guidance
def q_sample(x0, t, noise):
    return extract(ABAR.sqrt(), t, x0) * x0 + extract((1 - ABAR).sqrt(), t, x0) * noise
def edm_noise(y, sigma, n): return y + torch.as_tensor(sigma).reshape(-1, *[1] * (y.ndim - 1)) * n
def flow_path(x0, t, noise): return x0 + (noise - x0) * torch.as_tensor(t).reshape(
    -1, *[1] * (x0.ndim - 1))
def vdm_forward(x0, t, noise):
    s = vdm_log_snr(t).to(x0.dtype).reshape(-1, *[1] * (x0.ndim - 1))
    return s.sigmoid().sqrt() * x0 + (-s).sigmoid().sqrt() * noise
def q_posterior(x0, x_t, t):
    prev = extract(F.pad(ABAR[:-1], (1, 0), value=1.), t, x_t)
    ab, beta = extract(ABAR, t, x_t), extract(BETAS, t, x_t)
    mean = beta * prev.sqrt() / (1 - ab) * x0 + (1 - prev) * (1 - beta).sqrt() / (1 - ab) * x_t
    return mean, beta * (1 - prev) / (1 - ab)
def posterior_precisions(x0, x_t, t):
    t = int(t)
    prev = SHORT_ABAR[t - 1].item() if t > 0 else 1.
    a = SHORT_ABAR[t].item() / prev
    if prev == 1.: return x0, 0.
    var = 1 / (a / (1 - a) + 1 / (1 - prev))
    return var * (math.sqrt(a) / (1 - a) * x_t + math.sqrt(prev) / (1 - prev) * x0), var
def cfg(noise_cond, noise_uncond, scale): return noise_uncond + scale * (noise_cond - noise_uncond)
def cfg_lucid(logits, null, scale): return logits + (logits - null) * (scale - 1)
def cfg_paper(cond, uncond, w): return (1 + w) * cond - w * uncond

# ---- healthy samplers
def ddpm_ancestral(model, x, steps):
    for t in reversed(range(steps)):
        x = small(t, x, short_x0(model, x, t), torch.randn_like(x) if t > 0 else 0.)
    return x

def ddim(model, x, steps, eta=0.):
    for t, p in pairs(spaced(steps)):
        ab, nxt, eps = level(t), level(p), model(x, full(x, t))
        x0 = (x - (1 - ab).sqrt() * eps) / ab.sqrt()
        sigma = eta * ((1 - ab / nxt) * (1 - nxt) / (1 - ab)).sqrt()
        x = x0 * nxt.sqrt() + (1 - nxt - sigma ** 2).sqrt() * eps + sigma * torch.randn_like(x)
    return x
def ddim_half(model, x, steps): return ddim(model, x, steps, eta=.5)
def ddim_one(model, x, steps): return ddim(model, x, steps, eta=1.)
ZERO = zero_snr_abar()
def ddim_v_zero_snr(model, x, steps):
    ts = np.round(np.arange(1000, 0, -1000 / steps)).astype(int) - 1
    for t, p in pairs(ts.tolist()):
        ab, nxt, v = ZERO[t], ZERO[p] if p >= 0 else torch.tensor(1.), model(x, full(x, t))
        x0, eps = ab.sqrt() * x - (1 - ab).sqrt() * v, ab.sqrt() * v + (1 - ab).sqrt() * x
        x = nxt.sqrt() * x0 + (1 - nxt).sqrt() * eps
    return x
def sample_euler_ancestral(model, x, steps, eta=1.):
    sigmas, ones = karras(steps), x.new_ones([x.shape[0]])
    for a, b in zip(sigmas[:-1], sigmas[1:]):
        up = min(b, eta * (b ** 2 * (a ** 2 - b ** 2) / a ** 2) ** .5)
        down = (b ** 2 - up ** 2) ** .5
        x = x + (x - model(x, a * ones)) / a * (down - a)
        if b > 0: x = x + torch.randn_like(x) * up
    return x
def vdm_ancestral(model, x, steps):
    ts = torch.linspace(1., 0., steps + 1)
    for t, s in zip(ts[:-1], ts[1:]):
        now, nxt = cosine_log_snr(t), cosine_log_snr(s)
        a, b, c = now.sigmoid().sqrt(), nxt.sigmoid().sqrt(), -torch.expm1(now - nxt)
        x0 = (x - (-now).sigmoid().sqrt() * model(x, t.expand(len(x)))) / a
        x = b * (x * (1 - c) / a + c * x0)
        if s > 0: x = x + ((-nxt).sigmoid() * c).sqrt() * torch.randn_like(x)
    return x

# ---- healthy losses
def loss_simple(model, x0):
    t, noise = torch.randint(0, 1000, (x0.shape[0],)).long(), torch.randn_like(x0)
    return F.mse_loss(model(q_sample(x0, t, noise), t), noise)
def loss_x(model, x0, generator=None):
    t = torch.randint(0, 1000, (len(x0),), generator=generator)
    out = model(q_sample(x0, t, torch.randn(x0.shape, generator=generator)), t)
    return F.mse_loss(out, x0, reduction="none").flatten(1).mean(1).mean().item()
def loss_v(model, x0, generator=None):
    t = torch.randint(0, 1000, (len(x0),), generator=generator)
    noise, ab = torch.randn(x0.shape, generator=generator), ABAR[t][:, None, None, None]
    v = ab.sqrt() * noise - (1 - ab).sqrt() * x0
    return torch.mean((v - model(q_sample(x0, t, noise), t)) ** 2)
def loss_flow(model, x0):
    t, noise = torch.rand(x0.shape[0]).type_as(x0), torch.randn_like(x0)
    return torch.mean((model(flow_path(x0, t, noise), t) - (noise - x0)) ** 2)
def loss_vdm(model, x0):
    t, noise = (torch.rand(1) + torch.arange(len(x0)) / len(x0)) % 1, torch.randn_like(x0)
    return (model(vdm_forward(x0, t, noise), t) - noise).square().mean()
def loss_sigma(model, x0):
    sigma = SIGMAS[torch.randint(0, 40, (len(x0),))]
    return ((model(edm_noise(x0, sigma, torch.randn_like(x0)), sigma) - x0) ** 2).mean()

# ---- the lists
_B, _A, _S, _L = dict(betas=BETAS), dict(abar=ABAR), dict(sigmas=SIGMAS), dict(flow=True)
_SB, _SA = dict(betas=SHORT), dict(abar=SHORT_ABAR)
def _p(predicts, steps): return dict(predicts=predicts, steps=steps)
HEALTHY = {name: (kind, levels, extra) for kind, levels, extra, names in [
    ("schedule", {}, dict(says="betas"), "scaled_linear_betas lucid_cosine_betas"),
    ("schedule", {}, dict(says="abar"), "sigmoid_abar zero_snr_abar"),
    ("schedule", {}, dict(says="sigmas"), "vp_sigmas karras_sigmas"),
    ("schedule", {}, dict(says="log_snr"), "vdm_log_snr cosine_log_snr"),
    ("forward", _A, {}, "q_sample"), ("forward", _S, {}, "edm_noise"),
    ("forward", _L, {}, "flow_path"), ("forward", dict(log_snr=vdm_log_snr), {}, "vdm_forward"),
    ("posterior", _B, {}, "q_posterior"),
    ("posterior", _SA, {}, "posterior_precisions"), ("guidance", {}, dict(says="w"), "cfg_paper"),
    ("guidance", {}, dict(says="scale"), "cfg cfg_lucid"),
    ("sampler", _SB, _p("eps", 200), "ddpm_ancestral"),
    ("sampler", _A, _p("eps", 50), "ddim ddim_half ddim_one"),
    ("sampler", dict(abar=ZERO), _p("v", 40), "ddim_v_zero_snr"),
    ("sampler", _S, _p("x", 40), "sample_euler_ancestral"),
    ("sampler", dict(log_snr=cosine_log_snr), _p("eps", 100), "vdm_ancestral"),
    ("loss", _A, dict(predicts="eps"), "loss_simple"), ("loss", _A, dict(predicts="x"), "loss_x"),
    ("loss", _B, dict(predicts="v"), "loss_v"), ("loss", _L, dict(predicts="flow"), "loss_flow"),
    ("loss", dict(log_snr=vdm_log_snr), dict(predicts="eps"), "loss_vdm"),
    ("loss", _S, dict(predicts="x"), "loss_sigma"),
    ] for name in names.split()}
