"""Blind test material: ten right pieces of diffusion code and ten with one slip each.
Written without knowledge of any checker, in several personal styles on purpose. `says` is the
convention told to a reader; for a slip `what` is the one mistake, `source` the idea's thread.
"""
from dataclasses import dataclass
import math
from typing import Any, Callable
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

@dataclass
class Entry:
    name: str
    kind: str      # forward | schedule | posterior | guidance | loss | sampler
    fn: Callable[..., Any]
    args: str      # argument order, defaults included
    says: str
    what: str = ""
    source: str = ""

# ---- healthy ----
# one-file NumPy repository, the paper's numbering 1..T, everything in log space
_LOG_ABAR = np.cumsum(np.log1p(-np.linspace(1e-4, 0.02, 1000)))
def perturb_np(x0, t, noise):
    x0, noise = np.asarray(x0), np.asarray(noise)
    la = np.asarray(_LOG_ABAR[np.asarray(t) - 1])
    la = la.reshape(la.shape + (1,) * (x0.ndim - la.ndim))
    return np.exp(0.5 * la) * x0 + np.sqrt(-np.expm1(la)) * noise

# module style; truncated cosine log-SNR
class CosineLogSNR(nn.Module):
    def __init__(self, logsnr_min=-15.0, logsnr_max=15.0):
        super().__init__()
        self.t0 = math.atan(math.exp(-0.5 * logsnr_max))
        self.t1 = math.atan(math.exp(-0.5 * logsnr_min))
    def forward(self, t):
        return -2.0 * torch.log(torch.tan(self.t0 + t * (self.t1 - self.t0)))
cosine_logsnr = CosineLogSNR()

# plain loops; "scaled linear" betas rescaled so that the last alpha_bar is zero
def zero_snr_betas(T=1000, first=0.00085, last=0.012):
    root, prod = [], 1.0
    for i in range(T):
        b = (first ** 0.5 + (last ** 0.5 - first ** 0.5) * i / (T - 1)) ** 2
        prod *= 1.0 - b
        root.append(prod ** 0.5)
    top, end = root[0], root[-1]
    root = [(r - end) * top / (top - end) for r in root]
    betas, before = [], 1.0
    for r in root:
        betas.append(1.0 - (r / before) ** 2)
        before = r
    return torch.tensor(betas, dtype=torch.float64)

# the posterior as a Kalman update; no division by 1 - alpha_bar anywhere
def cosine_betas(T, s=0.008, cap=0.999):
    u = torch.arange(T + 1, dtype=torch.float64) / T
    f = torch.cos((u + s) / (1 + s) * math.pi / 2) ** 2
    return (1 - f[1:] / f[:-1]).clamp(max=cap)

class KalmanPosterior:
    def __init__(self, betas):
        self.b = betas
        self.root_a = (1 - betas).sqrt()
        ab = torch.cumprod(1 - betas, 0)
        self.ab_before = torch.cat([torch.ones(1, dtype=ab.dtype), ab[:-1]])
    def __call__(self, x_t, x_0, t):
        wide = (-1,) + (1,) * (x_t.dim() - 1)
        h, r, abp = (v[t].reshape(wide) for v in (self.root_a, self.b, self.ab_before))
        p = 1 - abp
        gain = p * h / (h * h * p + r)
        m = abp.sqrt() * x_0
        return m + gain * (x_t - h * m), (1 - gain * h) * p
kalman_posterior = KalmanPosterior(cosine_betas(400))

# guidance in one call
def guide_lerp(cond, uncond, w):
    return torch.lerp(uncond, cond, 1.0 + w)

# EDM loss written in the space of the raw network (unit weight there)
def edm_raw_loss(net, x0, sigma, noise, sigma_data=0.5):
    s = sigma.view(-1, *[1] * (x0.ndim - 1))
    total = s ** 2 + sigma_data ** 2
    c_in, c_skip = total.rsqrt(), sigma_data ** 2 / total
    c_out = s * sigma_data * c_in
    y = x0 + s * noise
    return F.mse_loss(net(c_in * y, sigma.log() / 4), (x0 - c_skip * y) / c_out)

# closure; ancestral sampling with the larger of the two fixed variances
def make_ancestral(betas):
    alphas, abar = 1 - betas, (1 - betas).cumprod(0)
    @torch.no_grad()
    def run(eps_model, shape, generator=None):
        x = torch.randn(shape, generator=generator)
        for k in range(len(betas) - 1, -1, -1):
            e = eps_model(x, torch.full((shape[0],), k))
            x = (x - betas[k] / (1 - abar[k]).sqrt() * e) / alphas[k].sqrt()
            if k:
                x = x + betas[k].sqrt() * torch.randn(shape, generator=generator)
        return x
    return run
ddpm_fixed_large = make_ancestral(torch.linspace(1e-4, 0.02, 1000))

# Heun, script style
@torch.no_grad()
def heun_edm(D, noise, n=32, smin=0.002, smax=80.0, rho=7.0):
    a, b = smax ** (1 / rho), smin ** (1 / rho)
    sig = [(a + i / (n - 1) * (b - a)) ** rho for i in range(n)] + [0.0]
    x, one = noise * smax, torch.ones(noise.shape[0], dtype=noise.dtype)
    for s, s_next in zip(sig, sig[1:]):
        d = (x - D(x, s * one)) / s
        x_e = x + (s_next - s) * d
        if s_next > 0:
            d = 0.5 * (d + (x_e - D(x_e, s_next * one)) / s_next)
            x_e = x + (s_next - s) * d
        x = x_e
    return x

# rectified flow from t = 1 (noise) to t = 0 (data), shifted times, network time * 1000
@torch.no_grad()
def flow_shifted_euler(net, z, steps=50, shift=3.0):
    t = np.linspace(1.0, 0.0, steps + 1)
    x, t = z.clone(), shift * t / (1.0 + (shift - 1.0) * t)
    for now, nxt in zip(t[:-1], t[1:]):
        v = net(x, torch.full((len(x),), float(now) * 1000.0, dtype=x.dtype))
        x = x - float(now - nxt) * v
    return x

# v-prediction walked along the circle
@torch.no_grad()
def angle_sampler(v_model, z, n=100):
    c, s = math.cos(math.pi / 2 / n), math.sin(math.pi / 2 / n)
    for k in range(n):
        t = torch.full(z.shape[:1], 1 - k / n, dtype=z.dtype)
        z = c * z - s * v_model(z, t)
    return z

# ---- slips ----
class MiniScheduler(nn.Module):
    def __init__(self, num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02):
        super().__init__()
        betas = torch.linspace(beta_start, beta_end, num_train_timesteps)
        self.register_buffer("alphas_cumprod", torch.cumprod(1.0 - betas, dim=0))
    def _match(self, v, x):
        return v[(...,) + (None,) * (x.dim() - v.dim())]
    def add_noise(self, x0, t, noise):
        ac = self._match(self.alphas_cumprod[t], x0)
        return ac.sqrt() * x0 + (1.0 - ac) * noise
mini_scheduler = MiniScheduler()

def karras_table(n=18, sigma_min=0.002, sigma_max=80.0, rho=7.0):
    lo, hi = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    sigmas = (hi + np.linspace(0, 1, n) * (lo - hi)) ** rho
    return np.concatenate([sigmas, sigmas[-1:]])

def build_q_posterior(T=1000):
    betas = torch.linspace(1e-4, 0.02, T, dtype=torch.float64)
    alphas = 1.0 - betas
    ac = torch.cumprod(alphas, dim=0)
    ac_prev = F.pad(ac[:-1], (0, 1), value=1.0)
    variance = betas * (1.0 - ac_prev) / (1.0 - ac)
    coef1 = betas * ac_prev.sqrt() / (1.0 - ac)
    coef2 = (1.0 - ac_prev) * alphas.sqrt() / (1.0 - ac)
    def extract(a, t, like):
        return a.gather(-1, t).reshape(t.shape[0], *((1,) * (like.ndim - 1)))
    def q_posterior(x_start, x_t, t):
        mean = extract(coef1, t, x_t) * x_start + extract(coef2, t, x_t) * x_t
        return mean, extract(variance, t, x_t)
    return q_posterior
q_posterior = build_q_posterior()

def apply_cfg(noise_uncond, noise_text, guidance_scale=7.5):
    return noise_text + guidance_scale * (noise_text - noise_uncond)

_COS_AC = torch.cumprod(1 - cosine_betas(1000), 0)
def v_loss_min_snr(model, x0, t, noise, snr_gamma=5.0):
    ac = _COS_AC[t].to(x0.dtype)
    snr = ac / (1 - ac)
    a, s = (v.sqrt().view(-1, *[1] * (x0.dim() - 1)) for v in (ac, 1 - ac))
    pred = model(a * x0 + s * noise, t)
    per_item = F.mse_loss(pred, a * noise - s * x0, reduction="none").flatten(1).mean(1)
    snr = snr + 1
    weight = torch.minimum(snr, torch.full_like(snr, snr_gamma)) / snr
    return (weight * per_item).mean()

class VPScoreLoss:
    def __init__(self, beta_min=0.1, beta_max=20.0):
        self.b0, self.b1 = beta_min, beta_max
    def marginal(self, t):
        log_mean = -0.25 * t ** 2 * (self.b1 - self.b0) - 0.5 * t * self.b0
        return log_mean.exp(), (1.0 - (2.0 * log_mean).exp()).sqrt()
    def __call__(self, score_net, x0, t, z):
        mean, std = self.marginal(t)
        ex = (...,) + (None,) * (x0.ndim - 1)
        xt = mean[ex] * x0 + std[ex] * z
        sq = (score_net(xt, t) + z / std[ex] ** 2) ** 2
        return (sq.flatten(1).sum(1) * std ** 2).mean()
vp_score_loss = VPScoreLoss()

@torch.no_grad()
def solve_euler(estimator, z, n_timesteps=20):
    t_span = 1 - torch.cos(torch.linspace(0, 1, n_timesteps + 1, dtype=z.dtype) * 0.5 * math.pi)
    x, t, dt = z, t_span[0], t_span[1] - t_span[0]
    for step in range(1, len(t_span)):
        x = x + dt * estimator(x, t.expand(x.shape[0]))
        t = t + dt
        if step < len(t_span) - 1:
            dt = t_span[step] - t_span[step - 1]
    return x

class DDIM:
    def __init__(self, T=1000):
        self.T = T
        self.ac = np.cumprod(1.0 - np.linspace(1e-4, 0.02, T))
    @torch.no_grad()
    def sample(self, model, shape, steps=50, eta=0.5, generator=None):
        x = torch.randn(shape, generator=generator)
        times = [int(v) for v in np.linspace(self.T - 1, 0, steps).round()] + [-1]
        for i in range(steps):
            t, prev = times[i], times[i + 1]
            at = float(self.ac[t])
            ap = float(self.ac[prev]) if prev >= 0 else 1.0
            eps = model(x, torch.tensor([t] * shape[0]))
            x0 = (x - math.sqrt(1 - at) * eps) / math.sqrt(at)
            variance = (1 - ap) / (1 - at) * (1 - at / ap)
            x = math.sqrt(ap) * x0 + math.sqrt(1 - ap - eta * variance) * eps
            if eta > 0:
                x = x + eta * math.sqrt(variance) * torch.randn(shape, generator=generator)
        return x
ddim_sample = DDIM().sample

@torch.no_grad()
def dpmpp_2m(model, x, sigmas=None):
    if sigmas is None:
        r = torch.linspace(0, 1, 20, dtype=x.dtype)
        hi, lo = 80.0 ** (1 / 7), 0.002 ** (1 / 7)
        sigmas = torch.cat([(hi + r * (lo - hi)) ** 7, r.new_zeros(1)])
    lam, ones, old = -sigmas.log(), x.new_ones([x.shape[0]]), None
    for i in range(len(sigmas) - 1):
        den = model(x, sigmas[i] * ones)
        h = lam[i + 1] - lam[i]
        ratio = sigmas[i + 1] / sigmas[i]
        if old is None or sigmas[i + 1] == 0:
            x = ratio * x - torch.expm1(-h) * den
        else:
            h_last = lam[i] - lam[i - 1]
            r = h_last / h
            den_d = (1 + 1 / (2 * r)) * den - 1 / (2 * r) * old
            x = ratio * x - torch.expm1(-h_last) * den_d
        old = den
    return x

def v_ddim(net, x, num_steps=50):
    T = len(_COS_AC)
    ts = torch.linspace(T - 1, 0, num_steps).round().long().tolist()
    for i, t in enumerate(ts):
        a, s = _COS_AC[t].sqrt().item(), (1 - _COS_AC[t]).sqrt().item()
        ac_n = _COS_AC[ts[i + 1]].item() if i + 1 < num_steps else 1.0
        with torch.no_grad():
            v = net(x, torch.full((x.shape[0],), t, dtype=torch.long))
        x0, eps = a * x + s * v, s * x + a * v
        x = ac_n ** 0.5 * x0 + (1 - ac_n) ** 0.5 * eps
    return x

# ---- records ----
HEALTHY = [
    Entry("perturb_np", "forward", perturb_np, "(x0, t, noise), NumPy arrays",
          "DDPM linear betas 1e-4..0.02, T=1000. t counts 1..1000 as in the paper (t=1 uses the "
          "first beta): x_t = sqrt(alpha_bar_t) x0 + sqrt(1-alpha_bar_t) noise."),
    Entry("cosine_logsnr", "schedule", cosine_logsnr, "(t), a tensor in [0,1]",
          "log-SNR = log(alpha^2/sigma^2) of a variance-preserving process at time t in [0,1], "
          "0 = data (+15), 1 = noise (-15); cosine, truncated: -2 log tan(t0 + t (t1-t0))."),
    Entry("zero_snr_betas", "schedule", zero_snr_betas, "(T=1000, first=0.00085, last=0.012)",
          "T betas (float64) for t = 0..T-1: scaled-linear, then rescaled to zero terminal SNR "
          "(first sqrt(alpha_bar) kept, last made 0), so the last beta is exactly 1."),
    Entry("kalman_posterior", "posterior", kalman_posterior, "(x_t, x_0, t), t a LongTensor [B]",
          "mean and variance of q(x_{t-1}|x_t,x_0); cosine betas capped at 0.999, T=400, t in "
          "0..399, alpha_bar before index 0 is 1, so t=0 gives mean x_0 and variance 0."),
    Entry("guide_lerp", "guidance", guide_lerp, "(cond, uncond, w)",
          "'1 + w' convention: (1+w) cond - w uncond; w=0 is plain conditional."),
    Entry("edm_raw_loss", "loss", edm_raw_loss, "(net, x0, sigma, noise, sigma_data=0.5)",
          "EDM: y = x0 + sigma noise, sigma of shape [B]. net is the raw network F, called as "
          "F(c_in y, log(sigma)/4); D = c_skip y + c_out F is the x0 estimate. The loss is the "
          "mean of (sigma^2+sd^2)/(sigma sd)^2 (D-x0)^2, written as a loss on F."),
    Entry("ddpm_fixed_large", "sampler", ddpm_fixed_large, "(eps_model, shape, generator=None)",
          "DDPM ancestral, linear betas 1e-4..0.02, 1000 steps, t = 999..0; the network predicts "
          "eps and gets the integer index [B]; variance is beta_t ('fixed large'), no noise at 0."),
    Entry("heun_edm", "sampler", heun_edm, "(D, noise, n=32, smin=.002, smax=80, rho=7)",
          "Heun (2nd order) on n EDM/Karras sigmas plus a final 0; noise is unit normal and scaled "
          "by smax inside; D(x, sigma[B]) returns x0; last step Euler; deterministic."),
    Entry("flow_shifted_euler", "sampler", flow_shifted_euler, "(net, z, steps=50, shift=3.0)",
          "Rectified flow x_t = (1-t) data + t noise; from t=1 to 0 by Euler on shifted times; "
          "net predicts the velocity noise - data and gets 1000 t, shape [B]; z unit normal."),
    Entry("angle_sampler", "sampler", angle_sampler, "(v_model, z, n=100)",
          "v-prediction, alpha = cos(pi t/2), sigma = sin(pi t/2); v = alpha eps - sigma x0; n "
          "deterministic DDIM steps from t=1 (unit normal z) to 0; network gets t[B] in [0,1]."),
]

SLIPS = [
    Entry("add_noise", "forward", mini_scheduler.add_noise, "(x0, t, noise), t LongTensor [B]",
          "DDPM linear betas 1e-4..0.02, T=1000, t in 0..999; variance-preserving x_t.",
          "the noise is multiplied by the variance 1-alpha_bar, not by its square root",
          "acids-ircam/diffusion_models#1 (comment: noise times beta, should be sqrt)"),
    Entry("karras_table", "schedule", karras_table, "(n=18, sigma_min=.002, sigma_max=80, rho=7)",
          "EDM sigmas for n steps: n Karras values, sigma_max down to sigma_min, then a closing 0.",
          "the closing entry repeats sigma_min instead of being 0, so the last step does nothing",
          "huggingface/diffusers#6477"),
    Entry("q_posterior", "posterior", q_posterior, "(x_start, x_t, t), t a LongTensor [B]",
          "mean and variance of q(x_{t-1}|x_t,x_0); linear betas 1e-4..0.02, T=1000, t in 0..999.",
          "the table of previous alpha_bar is padded on the right, so 'previous' is the same t",
          "lucidrains/denoising-diffusion-pytorch#18"),
    Entry("apply_cfg", "guidance", apply_cfg, "(noise_uncond, noise_text, guidance_scale=7.5)",
          "'scale' convention: uncond + scale (cond - uncond); 1 is conditional, 0 unconditional.",
          "starts from the conditional prediction, so the real scale is one more than asked",
          "ashawkey/stable-dreamfusion#32 (change asked for there); huggingface/diffusers#5882"),
    Entry("v_loss_min_snr", "loss", v_loss_min_snr, "(model, x0, t, noise, snr_gamma=5.0)",
          "v-prediction, v = sqrt(ab) noise - sqrt(1-ab) x0, cosine betas capped at 0.999, T=1000, "
          "t LongTensor [B] in 0..999 also given to the network; Min-SNR weight for v, "
          "min(SNR, gamma)/(SNR+1), on the mean square per item, then the batch mean.",
          "the weight is min(SNR+1, gamma)/(SNR+1): the one is added inside the minimum too",
          "huggingface/diffusers#5654, fixed by #6307"),
    Entry("vp_score_loss", "loss", vp_score_loss, "(score_net, x0, t, z)",
          "VP-SDE, beta(t) = 0.1 + 19.9 t, t[B] in (0,1] also given to the network, which predicts "
          "the score of x_t; weight std^2, sum over an item's entries, mean over the batch.",
          "the score target is -z/std^2; as z is the unit noise it must be -z/std",
          "yang-song/score_sde_pytorch#26 (the change asked for there, which would be wrong)"),
    Entry("solve_euler", "sampler", solve_euler, "(estimator, z, n_timesteps=20)",
          "Flow matching x_t = (1-t) noise + t data, Euler from t=0 (unit normal z) to t=1 on "
          "1-cos(pi u/2) times, n steps; the network predicts data - noise and gets t[B] in [0,1].",
          "the step width lags one interval behind, so the time never reaches 1",
          "Lourdle/cosyvoice.cpp#25"),
    Entry("ddim_sample", "sampler", ddim_sample, "(model, shape, steps=50, eta=.5, generator=None)",
          "DDIM with eta, linear betas 1e-4..0.02, T=1000; steps evenly spaced indices 999..0, "
          "last step to alpha_bar=1; the network predicts eps and gets the integer index [B].",
          "direction term takes off eta*variance, not eta^2*variance (shows for 0 < eta < 1)",
          "inbarhub/DDPM_inversion#12"),
    Entry("dpmpp_2m", "sampler", dpmpp_2m, "(model, x, sigmas=None)",
          "DPM-Solver++(2M) on EDM sigmas; x already scaled by sigmas[0]; model(x, sigma[B]) "
          "returns x0; default 20 Karras sigmas 80..0.002 (rho 7) and a final 0, so 20 steps.",
          "the second-order update uses the previous step's h in the exponential factor",
          "crowsonkb/k-diffusion#56 (the change proposed there)"),
    Entry("v_ddim", "sampler", v_ddim, "(net, x, num_steps=50)",
          "v-prediction, v = sqrt(ab) eps - sqrt(1-ab) x0; cosine betas capped at 0.999, T=1000; "
          "DDIM, eta 0, evenly spaced indices 999..0, last step to alpha_bar=1; x unit normal; the "
          "network gets the integer index [B].",
          "x0 estimate is alpha x + sigma v instead of alpha x - sigma v",
          "huggingface/diffusers#1421 (review by LuChengTHU)"),
]

# ---- how each is called: what its `args` and `says` ask for (written after the rest) ----
LINEAR = torch.linspace(1e-4, .02, 1000, dtype=torch.float64)
EDM = torch.logspace(math.log10(.002), math.log10(80), 60, dtype=torch.float64)
_ab = _COS_AC

def _angle(t): return -2 * torch.log(torch.tan(math.pi / 2 * torch.as_tensor(t)))
def _vp(t): return -torch.log(torch.expm1(9.95 * torch.as_tensor(t) ** 2 + .1 * torch.as_tensor(t)))
def _times(x): return torch.randint(1000, (len(x),))
HOW = {  # name: (the function as the checker calls it, what is said)
    "perturb_np": (lambda f: lambda x0, t, e: f(x0, t + 1, e), dict(betas=LINEAR)),
    "cosine_logsnr": (lambda f: f, dict(says="log_snr")),
    "zero_snr_betas": (lambda f: f, dict(says="betas")),
    "kalman_posterior": (lambda f: lambda x0, x, t: f(x, x0, t), dict(betas=cosine_betas(400))),
    "guide_lerp": (lambda f: f, dict(says="w")),
    "edm_raw_loss": (lambda f: lambda m, x0: f(
        m, x0, (1.2 * torch.randn(len(x0)) - 1.2).exp().double(), torch.randn_like(x0)),
        dict(predicts="edm", sigmas=EDM)),
    "ddpm_fixed_large": (lambda f: lambda m, x, n: f(m, x.shape), dict(steps=1000, betas=LINEAR)),
    "heun_edm": (
        lambda f: lambda m, x, n: f(m, x / 80, n), dict(predicts="x", steps=32, sigmas=EDM)),
    "flow_shifted_euler": (
        lambda f: lambda m, x, n: f(lambda y, t: m(y, t / 1000), x, n),
        dict(predicts="flow", steps=50, flow=True)),
    "angle_sampler": (lambda f: f, dict(predicts="v", steps=100, log_snr=_angle)),
    "add_noise": (lambda f: f, dict(betas=LINEAR)),
    "karras_table": (lambda f: f, dict(says="sigmas")),
    "q_posterior": (lambda f: f, dict(betas=LINEAR)),
    "apply_cfg": (lambda f: lambda c, u, w: f(u, c, w), dict(says="scale")),
    "v_loss_min_snr": (
        lambda f: lambda m, x0: f(m, x0, _times(x0), torch.randn_like(x0)),
        dict(predicts="v", betas=cosine_betas(1000),
             weight=lambda t: (_ab[t] / (1 - _ab[t])).clamp(max=5) * (1 - _ab[t]))),
    "vp_score_loss": (
        lambda f: lambda m, x0: f(
            m, x0, torch.rand(len(x0)).double() * .999 + .001, torch.randn_like(x0)),
        dict(predicts="score", log_snr=_vp)),
    "solve_euler": (
        lambda f: lambda m, x, n: f(lambda y, t: -m(y, 1 - t), x, n),
        dict(predicts="flow", steps=20, flow=True)),
    "ddim_sample": (
        lambda f: lambda m, x, n, generator=None: f(m, x.shape, n, generator=generator),
        dict(steps=50, betas=LINEAR)),
    "dpmpp_2m": (
        lambda f: lambda m, x, n: f(m, x), dict(predicts="x", steps=20, sigmas=EDM)),
    "v_ddim": (lambda f: f, dict(predicts="v", steps=50, betas=cosine_betas(1000)))}
