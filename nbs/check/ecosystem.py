"""Schedules, samplers and losses of eight public libraries through `diffstudy.check.functions`.

    pip install diffusers k-diffusion denoising-diffusion-pytorch monai flow_matching torchcfm \
        azula smalldiffusion
    python nbs/check/ecosystem.py [LIBRARY] [--write]     # into nbs/runs/ecosystem.json

Each function below calls a library in the way that its own documentation does; `CASES` says which
check it goes through, and with which levels."""

import importlib, importlib.metadata, inspect, json, math, sys, time, warnings
from pathlib import Path
import numpy as np
import torch
from torch import nn
from diffstudy import check as checks
from diffstudy.check import probe

BETAS = torch.linspace(1e-4, .02, 1000, dtype=torch.float64)
ABAR = torch.cumprod(1 - BETAS, 0)
CASES = []  # library, name, check, function (or how to make it), more


def case(library, check, name=None, **more):
    "Remember a function, and how it is checked."
    def add(fn):
        CASES.append((library, name or fn.__name__, check, fn, more))
        return fn
    return add


class Net(nn.Module):
    "Somebody's network, for libraries that want a module; it answers as the check asks."
    channels = out_dim = 1
    self_condition = False
    random_or_learned_sinusoidal_cond = True

    def __init__(self, answer):
        super().__init__()
        self.ask, self.one = [answer], nn.Parameter(torch.ones(1))

    def forward(self, x, t, *args, **kwargs): return self.ask[0](x, t)


# ---- diffusers: all schedulers that sample images with a network of their own kind

SPACED = (
    "DDIMScheduler DDIMParallelScheduler DDPMScheduler DDPMParallelScheduler DEISMultistepScheduler"
    " DPMSolverMultistepScheduler EulerDiscreteScheduler"
    " EulerAncestralDiscreteScheduler HeunDiscreteScheduler KDPM2DiscreteScheduler"
    " KDPM2AncestralDiscreteScheduler LMSDiscreteScheduler PNDMScheduler UniPCMultistepScheduler"
    " SASolverScheduler DPMSolverSDEScheduler TCDScheduler LCMScheduler").split()


LOWEST = tuple("DEIS PNDM SASo TCDS".split())  # they end at the lowest level, as documented
CLIPS = dict.fromkeys(("DDIM", "DDPM", "LCMS", "TCDS"), dict(clip_sample=False))


def scheduler(make):
    "A scheduler of diffusers, which make() returns, as a sampler."
    def walk(model, x, steps, generator=None):
        it = make()
        it.set_timesteps(steps)
        takes = "generator" in inspect.signature(it.step).parameters
        more = dict(generator=generator) if takes else {}
        x = x * getattr(it, "init_noise_sigma", 1.)
        for t in it.timesteps:
            seen = it.scale_model_input(x, t) if hasattr(it, "scale_model_input") else x
            x = it.step(model(seen, t.expand(len(x))), t, x, **more).prev_sample
        return x
    walk.__name__ = getattr(make, "__name__", type(make).__name__)
    return walk


def of_diffusers(name, spacing, **more):
    def make():
        import diffusers
        return getattr(diffusers, name)(
            beta_start=1e-4, beta_end=.02, beta_schedule="linear",
            **(dict(lower_order_final=True) if "Singlestep" in name else {}),
            **dict(timestep_spacing=spacing) if spacing else {}, **more)
    make.__name__ = name
    return scheduler(make)


for spacing in ("trailing", "leading", "linspace"):
    for name in SPACED:
        more = CLIPS.get(name[:4], {})
        CASES.append(("diffusers", f"{name}, {spacing}", "sampler",
                      lambda n=name, s=spacing, m=more: of_diffusers(n, s, **m),
                      dict(make=True, predicts="eps", abar=ABAR, lowest=name[:4] in LOWEST)))
CASES.append(("diffusers", "DPMSolverSinglestepScheduler", "sampler",
              lambda: of_diffusers("DPMSolverSinglestepScheduler", None),
              dict(make=True, predicts="eps", abar=ABAR)))
for name in ("DDIMScheduler", "DDPMScheduler", "DPMSolverMultistepScheduler",
             "UniPCMultistepScheduler", "EulerDiscreteScheduler"):
    CASES.append(("diffusers", f"{name}, v", "sampler", lambda n=name: of_diffusers(
        n, "trailing", prediction_type="v_prediction", **CLIPS.get(n[:4], {})),
        dict(make=True, predicts="v", abar=ABAR)))


def thousandths(walk):
    "A sampler whose network is told 1,000 t."
    def sampler(model, x, steps):
        return walk(lambda y, t: model(y, torch.as_tensor(t) / 1000), x, steps)
    return sampler


for name in ("FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"):
    def make_flow(name=name):
        import diffusers
        return thousandths(scheduler(lambda: getattr(diffusers, name)()))
    CASES.append(("diffusers", name, "sampler", make_flow, dict(
        make=True, predicts="flow", flow=True)))


# ---- diffusers: schedulers whose network, or whose loop, has a shape of its own

def each(make, step=None, times=lambda it, n: it.set_timesteps(n) or it.timesteps, ends=False):
    "A scheduler with a loop of its own; step(it, model, x, i, t, g, n) gives what comes next."
    def sampler(model, x, steps, generator=None):
        it = make()
        at = times(it, steps)
        for i, t in enumerate(at[:-1] if ends else at): x = step(it, model, x, i, t, generator, at)
        return x
    return sampler


def preconditioned(make, level, data, high, sign=1, low=None):
    "A scheduler of EDM: its network is made of a denoiser that is told sigma."
    def sampler(model, x, steps, generator=None):
        def network(seen, t):
            s = level(t.double())[:, None]
            root, far = (s ** 2 + data ** 2).sqrt(), s if low is None else s - low
            skip = data ** 2 / (far ** 2 + data ** 2)
            return (model(seen * root, s.flatten()) - skip * seen * root) * root / (
                sign * far * data)
        return scheduler(make)(network, x / high, steps, generator)
    return sampler


def extra(name, fn, check="sampler", **more):
    "One more of diffusers, made when it is asked for."
    CASES.append(("diffusers", name, check, fn, dict(make=True, **more)))


def of_name(name, **more):
    import diffusers
    home = diffusers.schedulers
    old = dict(KarrasVeScheduler="karras_ve", ScoreSdeVpScheduler="sde_vp").get(name)
    if old: home = importlib.import_module(f"diffusers.schedulers.deprecated.scheduling_{old}")
    return lambda: getattr(home, name)(**more)


TABLE = lambda low, high: torch.logspace(
    math.log10(low), math.log10(high), 60, dtype=torch.float64)
extra("EDMEulerScheduler", lambda: preconditioned(
    of_name("EDMEulerScheduler"), lambda t: (4 * t).exp(), .5, 80.),
    predicts="x", sigmas=TABLE(.002, 80))
extra("EDMDPMSolverMultistepScheduler", lambda: preconditioned(
    of_name("EDMDPMSolverMultistepScheduler"), lambda t: (4 * t).exp(), .5, 80.),
    predicts="x", sigmas=TABLE(.002, 80))
for low in (.3, .01):
    extra(f"CosineDPMSolverMultistepScheduler, from {low}", lambda low=low: preconditioned(
        of_name("CosineDPMSolverMultistepScheduler", sigma_min=low),
        lambda t: (t * math.pi / 2).tan(), 1., 500., -1), predicts="x", sigmas=TABLE(low, 500))

COG = torch.cumprod(1 - torch.linspace(
    .00085 ** .5, .012 ** .5, 1000, dtype=torch.float64) ** 2, 0)
COG = COG / (3 - 2 * COG)
COSINE = lambda t: torch.cos((t + .008) / 1.008 * math.pi / 2) ** 2


def cosine(n):
    t = torch.arange(n, dtype=torch.float64)
    return torch.cumprod((COSINE((t + 1) / n) / COSINE(t / n)).clamp(min=.001), 0)


def cog_dpm(spacing, first=0):
    "As its pipeline calls it; or with the last steps of the first order."
    def step(it, model, x, i, t, g, times):
        before = getattr(it, "before", None) if i < len(times) - first else None
        x, it.before = it.step(
            model(x, t.expand(len(x))), before, t, times[i - 1] if i else None, x, generator=g)
        return x
    return each(of_name("CogVideoXDPMScheduler", timestep_spacing=spacing), step)


for spacing in ("trailing", "leading", "linspace"):
    extra(f"CogVideoXDDIMScheduler, {spacing}", lambda s=spacing: scheduler(
        of_name("CogVideoXDDIMScheduler", timestep_spacing=s)), predicts="eps", abar=COG)
    extra(f"CogVideoXDPMScheduler, {spacing}", lambda s=spacing: cog_dpm(s),
          predicts="eps", abar=COG)
extra("CogVideoXDPMScheduler, leading, two last of order 1", lambda: cog_dpm("leading", 2),
      predicts="eps", abar=COG)

for name, more in dict(
        FlowMapEulerDiscreteScheduler={}, LTXEulerAncestralRFScheduler={},
        HeliosScheduler=dict(stages=1, stage_range=[0, 1])).items():
    extra(name, lambda n=name, m=more: thousandths(scheduler(of_name(n, **m))),
          predicts="flow", flow=True)


def upwards(step, make, **more):
    "Of a flow whose time rises to the data, and whose velocity leads to them."
    return each(make, lambda it, model, x, i, t, g, _: step(
        it, -model(x, (1 - t).expand(len(x))), t, x), **more)


extra("MiniMaxH3Scheduler", lambda: upwards(
    lambda it, v, t, x: it.step(v, t, x).prev_sample, of_name("MiniMaxH3Scheduler"),
    times=lambda it, n: it.set_timesteps(n + 1) or it.timesteps), predicts="flow", flow=True)
extra("RFD4ProteinaScheduler, k = 1", lambda: upwards(
    lambda it, v, t, x: it.step(
        v[:, None], t, x[:, None], torch.ones(len(x), 1)).prev_sample[:, 0],
    of_name("RFD4ProteinaScheduler", schedule_mode="power", noise_mode="tan", tsr_k=1.,
            tsr_sigma=1., tail_steps=0)), predicts="flow", flow=True)

SINE = lambda t: -2 * torch.log(torch.tan((t * math.pi / 2).clamp(1e-6, 1.570796)))
extra("IPNDMScheduler", lambda: scheduler(of_name("IPNDMScheduler")),
      predicts="v", log_snr=SINE)
extra("UnCLIPScheduler", lambda: each(
    of_name("UnCLIPScheduler", clip_sample=False), lambda it, model, x, i, t, g, at: it.step(
        model(x, t.expand(len(x))), t, x, at[i + 1] if i + 1 < len(at) else None,
        generator=g).prev_sample), predicts="eps", abar=cosine(1000))
extra("DDPMWuerstchenScheduler", lambda: each(
    of_name("DDPMWuerstchenScheduler"), lambda it, model, x, i, t, g, at: it.step(
        model(x, t.expand(len(x))), t.expand(len(x)), x, generator=g).prev_sample, ends=True),
    predicts="eps", log_snr=lambda t: (
        COSINE(t.double()) / COSINE(torch.zeros(1).double())).clamp(1e-4, .9999).logit())
extra("RePaintScheduler, nothing known", lambda: each(
    of_name("RePaintScheduler", clip_sample=False), lambda it, model, x, i, t, g, at: it.step(
        model(x, t.expand(len(x))), t, x, x, torch.zeros_like(x), generator=g).prev_sample,
    times=lambda it, n: it.set_timesteps(n, jump_n_sample=1) or it.timesteps),
    predicts="eps", abar=ABAR)


def karras_ve():
    "As its pipeline did: noise on top, a step, and a correction."
    def step(it, model, x, i, t, g, times):
        sigma, after = it.schedule[t], it.schedule[t - 1] if t else torch.zeros(())
        x, sigma = it.add_noise_to_input(x, sigma, generator=g)
        ask = lambda y, s: -model(y, s.expand(len(y)).double())
        out = it.step(ask(x, sigma), sigma, after, x)
        if after == 0: return out.prev_sample
        return it.step_correct(
            ask(out.prev_sample, after), sigma, after, x, out.prev_sample,
            out.derivative).prev_sample
    sampler = each(of_name("KarrasVeScheduler"), step)
    return lambda model, x, steps, generator=None: sampler(  # 100 is its init_noise_sigma
        model, x / KARRAS[-1] * 100, steps, generator)


KARRAS = TABLE(.02 ** 2, 100 ** 2)
extra("KarrasVeScheduler", karras_ve, predicts="eps", sigmas=KARRAS)


def score_vp(model, x, steps, generator=None):
    it = of_name("ScoreSdeVpScheduler")()
    it.set_timesteps(steps)
    for t in it.timesteps:
        x, mean = it.step_pred(model(x, t.expand(len(x))), x, t.reshape(1), generator=generator)
    return mean


def score_ve(model, x, steps, generator=None):
    it = of_name("ScoreSdeVeScheduler")()
    it.set_timesteps(steps)
    it.set_sigmas(steps)
    for t, s in zip(it.timesteps, it.sigmas):
        s = s.expand(len(x))
        x = it.step_correct(model(x, s), x, generator=generator).prev_sample
        x, mean = it.step_pred(model(x, s), t, x, generator=generator, return_dict=False)
    return mean


extra("ScoreSdeVpScheduler", lambda: score_vp, predicts="eps", steps=64,
      log_snr=lambda t: -torch.log(torch.expm1(.5 * t ** 2 * 19.9 + .1 * t)))
extra("ScoreSdeVeScheduler", lambda: score_ve, predicts="score", sigmas=TABLE(.01, 1348))

# consistency models: by their own rule, with a network that jumps to the end of the exact path
extra("LCMScheduler, own rule", lambda: of_diffusers(
    "LCMScheduler", "trailing", clip_sample=False), "jumps", predicts="eps", abar=ABAR)
extra("CMStochasticIterativeScheduler", lambda: preconditioned(
    of_name("CMStochasticIterativeScheduler", num_train_timesteps=150, clip_denoised=False),
    lambda t: (t / 250).exp(), .5, 80., low=.002), "jumps", predicts="x", sigmas=TABLE(.002, 80))
extra("FlowMatchLCMScheduler", lambda: thousandths(scheduler(
    of_name("FlowMatchLCMScheduler"))), "jumps", predicts="flow", flow=True)
extra("SCMScheduler", lambda: each(
    of_name("SCMScheduler", sigma_data=1.), lambda it, model, x, i, t, g, _: it.step(
        model(x, t.expand(len(x))), t, x, generator=g).prev_sample,
    times=lambda it, n: it.set_timesteps(n, intermediate_timesteps=None) or it.timesteps,
    ends=True), "jumps", predicts="v",
    log_snr=lambda t: -2 * torch.log(torch.tan(t.double().clamp(1e-6, 1.570796))))


def consistency_decoder():
    make = of_name("ConsistencyDecoderScheduler")
    def network(model):
        it = make()
        return lambda seen, t: (
            model(seen / it.c_in[t][:, None], t) - it.c_skip[t][:, None] * seen
            / it.c_in[t][:, None]) / it.c_out[t][:, None]
    return lambda model, x, steps, generator=None: scheduler(make)(
        network(model), x, steps, generator)


extra("ConsistencyDecoderScheduler", consistency_decoder, "jumps", predicts="x",
      abar=cosine(1024), tries=[2])


def helios_dmd():
    def step(it, model, x, i, t, g, times):
        wide = lambda v: v.reshape(-1, 1, 1, 1, 1)
        return it.step(
            wide(model(x, (t / 1000).expand(len(x)))), t, wide(x), cur_sampling_step=i,
            dmd_noisy_tensor=wide(torch.randn(x.shape, generator=g, dtype=x.dtype)),
            dmd_sigmas=it.sigmas, dmd_timesteps=it.timesteps,
            all_timesteps=times).prev_sample.reshape(-1, 1)
    return each(of_name("HeliosDMDScheduler", stages=1, stage_range=[0, 1]), step)


extra("HeliosDMDScheduler", helios_dmd, "jumps", predicts="flow", flow=True)

NO_SAMPLERS = dict(  # why a name has no numbers
    sample_dpm_adaptive="chooses its number of calls itself, from a tolerance",
    DDIMInverseScheduler="goes from the data to noise, for editing",
    DPMSolverMultistepInverseScheduler="goes from the data to noise, for editing",
    AmusedScheduler="fills in masked tokens: there are no levels of Gaussian noise",
    BlockRefinementScheduler="chooses tokens of a text in blocks: no Gaussian noise",
    DiscreteDDIMScheduler="draws tokens from a posterior over a vocabulary: no Gaussian noise",
    EntropyBoundScheduler="uncovers tokens by their entropy: no Gaussian noise",
    VQDiffusionScheduler="draws classes of a codebook: no Gaussian noise",
    PiflowScheduler="its network answers with a policy, a grid of data for a whole segment")


@case("diffusers", "forward", "DDPMScheduler.add_noise", abar=ABAR)
def diffusers_noise(x0, t, noise):
    import diffusers
    it = diffusers.DDPMScheduler(beta_start=1e-4, beta_end=.02)
    return it.add_noise(x0, noise, t)


@case("diffusers", "schedule", "betas: linear, scaled linear, cosine", tables=True, says="betas")
def diffusers_tables():
    import diffusers
    for kind in ("linear", "scaled_linear", "squaredcos_cap_v2"):
        yield kind, diffusers.DDPMScheduler(
            beta_start=1e-4, beta_end=.02, beta_schedule=kind).betas


# ---- k-diffusion: its samplers, with a denoiser told sigma; its denoisers around other networks

SIGMAS = torch.logspace(math.log10(.02), math.log10(80), 60, dtype=torch.float64)
K_SAMPLERS = (
    "euler euler_ancestral heun dpm_2 dpm_2_ancestral lms dpmpp_2s_ancestral dpmpp_sde dpmpp_2m"
    " dpmpp_2m_sde dpmpp_3m_sde").split()


def k_sampler(name, wrap=None):
    import k_diffusion as k
    fn = getattr(k.sampling, f"sample_{name}")
    def sampler(model, x, steps):
        net = wrap(Net(model)) if wrap else lambda y, s, **_: model(y, s)
        low, high = (net.sigma_min, net.sigma_max) if hasattr(net, "sigma_min") else (.02, 80.)
        sigmas = k.sampling.get_sigmas_karras(steps, float(low), float(high)).to(x)
        once = (lambda y, s: net(y, s[:1])) if wrap else net  # one level is looked up, not n
        return fn(once, x * sigmas[0] if wrap else x, sigmas, disable=True)
    return sampler


for name in K_SAMPLERS:
    CASES.append(("k-diffusion", f"sample_{name}", "sampler", lambda n=name: k_sampler(n), dict(
        make=True, predicts="x", sigmas=SIGMAS)))


def k_eps(name):
    import k_diffusion as k
    return k_sampler(name, lambda net: k.external.DiscreteEpsDDPMDenoiser(net, ABAR, False))


def k_discrete_v(name):
    import k_diffusion as k
    return k_sampler(name, lambda net: k.external.DiscreteVDDPMDenoiser(net, ABAR, False))


def k_fast():
    import k_diffusion as k
    return lambda model, x, steps: k.sampling.sample_dpm_fast(
        lambda y, s, **_: model(y, s), x, .02, 80., steps, disable=True)


CASES.append(("k-diffusion", "sample_dpm_fast", "sampler", k_fast, dict(
    make=True, predicts="x", sigmas=SIGMAS, lowest=True)))  # it is given the last level


for kind, make in dict(eps=k_eps, v=k_discrete_v).items():
    CASES.append(("k-diffusion", f"sample_dpmpp_2m of Discrete{kind.title()}DDPMDenoiser",
                  "sampler", lambda m=make: m("dpmpp_2m"), dict(
                      make=True, predicts=kind, abar=ABAR)))


@case("k-diffusion", "loss", "DiscreteEpsDDPMDenoiser.loss", predicts="eps", abar=ABAR)
def k_loss(model, x0):
    import k_diffusion as k
    it = k.external.DiscreteEpsDDPMDenoiser(Net(model), ABAR, False)
    sigma = it.sigmas[torch.randint(len(ABAR), (len(x0),))]
    return it.loss(x0, torch.randn_like(x0), sigma).mean()


@case("k-diffusion", "schedule", "sigmas: karras, exponential, vp", tables=True, says="sigmas")
def k_tables():
    from k_diffusion import sampling as s
    yield "karras", s.get_sigmas_karras(40, .02, 80.)[:-1].flip(0)
    yield "exponential", s.get_sigmas_exponential(40, .02, 80.)[:-1].flip(0)
    yield "vp", s.get_sigmas_vp(40)[:-1].flip(0)


# ---- denoising-diffusion-pytorch

def lucid(model, x, steps=None, objective="pred_noise", **more):
    from denoising_diffusion_pytorch import GaussianDiffusion
    net = Net(model)
    net.random_or_learned_sinusoidal_cond = False
    return GaussianDiffusion(
        net, image_size=1, objective=objective, beta_schedule="linear", auto_normalize=False,
        sampling_timesteps=steps, **more)


def lucid_sample(model, x, steps, kind, method, **more):
    "Its sampler, with our noise, and without its clipping to [-1, 1]."
    from denoising_diffusion_pytorch import denoising_diffusion_pytorch as d
    ask = lambda y, t: model(y.reshape(-1, 1), t).reshape(-1, 1, 1, 1)
    it = lucid(ask, x, steps, kind, **more)
    wide, narrow = (lambda v, *a, **k: v), torch.clamp
    real, first = torch.randn, []
    def randn(*shape, **k):
        if first: return real(*shape, **k)
        first.append(1)
        return x.reshape(-1, 1, 1, 1)
    d.torch.clamp, d.torch.randn, Tensor = wide, randn, torch.Tensor
    in_place, Tensor.clamp_ = Tensor.clamp_, wide
    d.tqdm = lambda v, **k: v
    try: return getattr(it, method)((len(x), 1, 1, 1)).reshape(-1, 1)
    finally: d.torch.clamp, d.torch.randn, Tensor.clamp_ = narrow, real, in_place


for kind, says in dict(pred_noise="eps", pred_x0="x", pred_v="v").items():
    def make_ddim(kind=kind):
        return lambda model, x, steps: lucid_sample(model, x, steps, kind, "ddim_sample")
    CASES.append(("denoising-diffusion-pytorch", f"ddim_sample, {kind}", "sampler", make_ddim,
                  dict(make=True, predicts=says, abar=ABAR)))


@case("denoising-diffusion-pytorch", "sampler", "p_sample_loop", predicts="eps", abar=ABAR,
      steps=1000)
def lucid_ddpm(model, x, steps): return lucid_sample(model, x, None, "pred_noise", "p_sample_loop")


@case("denoising-diffusion-pytorch", "forward", "q_sample", abar=ABAR)
def lucid_noise(x0, t, noise): return lucid(None, x0).q_sample(x0, t, noise)


@case("denoising-diffusion-pytorch", "posterior", "q_posterior", betas=BETAS)
def lucid_posterior(x0, x_t, t): return lucid(None, x0).q_posterior(x0, x_t, t)[:2]


@case("denoising-diffusion-pytorch", "loss", "p_losses", predicts="eps", abar=ABAR)
def lucid_loss(model, x0):
    return lucid(model, x0).p_losses(x0, torch.randint(1000, (len(x0),)))


@case("denoising-diffusion-pytorch", "schedule", "betas: linear, cosine, sigmoid", tables=True,
      says="betas")
def lucid_tables():
    from denoising_diffusion_pytorch import denoising_diffusion_pytorch as d
    for kind in ("linear", "cosine", "sigmoid"):
        yield kind, getattr(d, f"{kind}_beta_schedule")(1000)


@case("denoising-diffusion-pytorch", "schedule", "log SNR: linear, cosine", tables=True,
      says="log_snr")
def lucid_log_snr():
    from denoising_diffusion_pytorch import continuous_time_gaussian_diffusion as d
    yield "linear", d.beta_linear_log_snr
    yield "cosine", d.alpha_cosine_log_snr


# ---- MONAI

def of_monai(name, **more):
    from monai.networks import schedulers
    it = getattr(schedulers, name)(**more)
    def sampler(model, x, steps):
        it.set_timesteps(steps)
        for t in it.timesteps:
            x = it.step(model(x, t.expand(len(x))), int(t), x)[0]
        return x
    return sampler


for name, kind, steps, more in (
        ("DDIMScheduler", "eps", 16, {}), ("DDIMScheduler", "eps", 1000, {}),
        ("DDPMScheduler", "eps", 1000, {}),
        ("DDIMScheduler", "v", 50, dict(prediction_type="v_prediction"))):
    CASES.append(("monai", f"{name}, {kind}, {steps} steps", "sampler",
                  lambda n=name, m=more: of_monai(n, clip_sample=False, **m),
                  dict(make=True, predicts=kind, abar=ABAR, steps=steps)))


@case("monai", "sampler", "RFlowScheduler", predicts="flow", flow=True)
def monai_flow(model, x, steps):
    from monai.networks.schedulers import RFlowScheduler
    it = RFlowScheduler()
    it.set_timesteps(steps)
    times = [*it.timesteps.tolist(), 0]
    for t, s in zip(times, times[1:]):
        x = it.step(-model(x, torch.full((len(x),), t / 1000)), t, x, s)[0]
    return x


@case("monai", "forward", "DDPMScheduler.add_noise", abar=ABAR)
def monai_noise(x0, t, noise):
    from monai.networks.schedulers import DDPMScheduler
    return DDPMScheduler().add_noise(x0, noise, t)


@case("monai", "schedule", "betas: linear, scaled linear, sigmoid, cosine", tables=True,
      says="betas")
def monai_tables():
    from monai.networks.schedulers.scheduler import NoiseSchedules
    for kind in ("linear_beta", "scaled_linear_beta", "sigmoid_beta", "cosine"):
        v = NoiseSchedules[kind](1000)
        yield kind, v[0] if isinstance(v, tuple) else v


# ---- flow_matching and torchcfm: their time runs from noise to data

@case("flow_matching", "forward", "CondOTProbPath.sample", flow=True)
def fm_noise(x0, t, noise):
    from flow_matching.path import CondOTProbPath
    return CondOTProbPath().sample(x_0=noise, x_1=x0, t=1 - t).x_t


@case("flow_matching", "loss", "CondOTProbPath.dx_t", predicts="flow", flow=True)
def fm_loss(model, x0):
    from flow_matching.path import CondOTProbPath
    t = torch.rand(len(x0), dtype=x0.dtype)
    path = CondOTProbPath().sample(x_0=torch.randn_like(x0), x_1=x0, t=t)
    return (-model(path.x_t, 1 - t) - path.dx_t).square().mean()


def fm_solver(method):
    from flow_matching.solver import ODESolver
    from flow_matching.utils import ModelWrapper
    def sampler(model, x, steps):
        class Velocity(ModelWrapper):
            def forward(self, x, t, **_): return -model(x, (1 - t).expand(len(x)))
        return ODESolver(Velocity(None)).sample(
            x_init=x, step_size=1 / steps, method=method, time_grid=torch.tensor([0., 1.]).to(x))
    return sampler


for method in ("euler", "midpoint", "heun2"):
    CASES.append(("flow_matching", f"ODESolver, {method}", "sampler",
                  lambda m=method: fm_solver(m), dict(make=True, predicts="flow", flow=True)))


def fm_path(name):
    from flow_matching.path import AffineProbPath, scheduler
    it = AffineProbPath(scheduler=getattr(scheduler, name)())
    def forward(x0, t, noise): return it.sample(x_0=noise, x_1=x0, t=1 - t).x_t
    return forward


for name, snr in dict(
        VPScheduler=lambda t: -torch.log(torch.expm1(.5 * t ** 2 * 19.9 + .1 * t)),
        CosineScheduler=lambda t: -2 * torch.log(torch.tan(math.pi / 2 * t)),
        LinearVPScheduler=lambda t: torch.log((1 - t) ** 2 / (1 - (1 - t) ** 2))).items():
    CASES.append(("flow_matching", f"AffineProbPath, {name}", "forward",
                  lambda n=name: fm_path(n), dict(make=True, log_snr=snr)))


def cfm_loss(name):
    import torchcfm
    it = getattr(torchcfm, name)()
    def loss(model, x0):
        t, x, u = it.sample_location_and_conditional_flow(torch.randn_like(x0), x0)
        return (-model(x, 1 - t) - u).square().mean()
    return loss


for name in ("ConditionalFlowMatcher", "VariancePreservingConditionalFlowMatcher"):
    said = dict(flow=True) if name[0] == "C" else dict(
        log_snr=lambda t: -2 * torch.log(torch.tan(math.pi / 2 * t)))
    if name[0] == "C": CASES.append((
        "torchcfm", f"{name}, loss", "loss", lambda n=name: cfm_loss(n),
        dict(make=True, predicts="flow", **said)))
    def cfm_noise(name=name):
        import torchcfm
        it = getattr(torchcfm, name)()
        return lambda x0, t, noise: it.sample_xt(noise, x0, 1 - t, torch.zeros_like(x0))
    CASES.append(("torchcfm", f"{name}.sample_xt", "forward", cfm_noise, dict(make=True, **said)))


# ---- azula: its denoisers answer with the data

def azula_sampler(name, **more):
    from azula import noise, sample
    from azula.denoise import Denoiser, DiracPosterior
    def sampler(model, x, steps):
        class Here(Denoiser):
            def forward(self, x, t, **_): return DiracPosterior(model(x, t))
        net = Here()
        net.schedule = noise.CosineSchedule()
        return getattr(sample, name)(net, steps=steps, silent=True, dtype=x.dtype, **more)(x)
    return sampler


AZULA = lambda t: 2 * torch.log(torch.cos(math.acos(1e-3) * t)) - torch.log(
    1 - torch.cos(math.acos(1e-3) * t) ** 2 + 1e-6)
for name in ("DDPMSampler DDIMSampler EulerSampler HeunSampler ItoSampler zABSampler vABSampler"
             " zEABSampler xEABSampler REABSampler PCSampler").split():
    CASES.append(("azula", name, "sampler", lambda n=name: azula_sampler(n), dict(
        make=True, predicts="x", log_snr=AZULA)))


# ---- smalldiffusion: it tells the network sigma

def small_sampler(gam, mu):
    import smalldiffusion as s
    def sampler(model, x, steps):
        net = Net(lambda y, t: model(y, t))
        net.rand_input = lambda n: torch.randn(n, 1, dtype=torch.float64)
        net.predict_eps_cfg = lambda y, sigma, cond, scale: model(y, sigma)
        sigmas = s.ScheduleLogLinear(1000, .02, 80.).sample_sigmas(steps).double()
        *_, end = s.diffusion.samples(net, sigmas, gam, mu, xt=x)
        return end
    return sampler


for says, gam, mu in (("DDIM", 1., 0.), ("DDPM", 1., .5), ("accelerated", 2., 0.)):
    CASES.append(("smalldiffusion", f"samples, {says}", "sampler",
                  lambda g=gam, m=mu: small_sampler(g, m),
                  dict(make=True, predicts="eps", sigmas=SIGMAS, lowest=True)))


@case("smalldiffusion", "schedule", "sigmas: DDPM, LDM, sigmoid, cosine, log-linear", tables=True,
      says="sigmas")
def small_tables():
    import smalldiffusion as s
    for name in ("DDPM", "LDM", "Sigmoid", "Cosine"):
        yield name, getattr(s, f"Schedule{name}")().sigmas
    yield "LogLinear", s.ScheduleLogLinear(1000).sigmas


@case("smalldiffusion", "loss", "generate_train_sample", predicts="eps", sigmas=SIGMAS)
def small_loss(model, x0):
    import smalldiffusion as s
    x, sigma, eps, _ = s.diffusion.generate_train_sample(x0, s.ScheduleLogLinear(1000, .02, 80.))
    return (model(x + sigma * eps, sigma) - eps).square().mean()


# ---- the run

def verdicts(library, name, check, fn, more):
    "What the checks say of one case, with its seconds of work: one row for each function."
    more = dict(more)
    if more.pop("tables", False):
        for kind, v in fn():
            yield (f"{name.split(':')[0]}: {kind}",
                   lambda v=v: checks.schedule(v, more["says"]), dict)
        return
    make = more.pop("make", False)
    tries = more.pop("tries", (8, 16, 32, 64))
    def run():
        f = fn() if make else fn
        if check == "jumps": return jumps(measured(f, tries, True, **more))
        return getattr(checks, check)(f, **more)
    def table():
        if check not in ("sampler", "jumps"): return {}
        f, one = fn() if make else fn, dict(more)
        k = one.pop("steps", 0)
        return measured(f, [k] if k >= 100 else tries, check == "jumps", **one)
    yield name, run, table


def jump(x, a, s):
    "Where the exact path of the mixture leads from x: the same quantile of the data."
    at = torch.linspace(-4, 4, 8001, dtype=torch.float64)
    rise = lambda v, a, s: sum(p * torch.special.ndtr((v - a * m) / math.hypot(a / 2, s))
                               for p, m in ((.3, -1.), (.7, 1.)))
    return torch.as_tensor(np.interp(rise(x, a, s), rise(at, 1., 0.), at))


def measured(f, tries, jumping, predicts, **says):
    "Calls, how far samples of the mixture are off, the order, and the data left at the first call."
    says.pop("lowest", None)
    l, found, exact = probe.noise_schedule(**says), {}, probe.target
    first = probe._record_run(
        f, l, tries[0] if len(tries) < 4 else 16, 10, probe.probe_output(predicts))[0][0]
    if jumping: probe.target = lambda kind, x, x0, a, s: exact(kind, x, jump(x, a, s), a, s)
    try:
        for k in tries:
            try: calls, off = probe.wasserstein_error(f, l, predicts, k)
            except Exception:  # some cannot do as many
                if not found: raise
            else: found[len(calls)] = off
    finally: probe.target = exact
    seen = [(math.log(k), math.log(e)) for k, e in found.items() if e > .01 and not jumping]
    return dict(
        calls=[*found], off=[round(e, 4) for e in found.values()],
        order=round(-np.polyfit(*zip(*seen), 1)[0], 1) if len(seen) > 1 else None,
        end=float(f"{first.alpha / math.hypot(first.alpha, first.sigma):.2g}")
        if first.alpha > 1e-6 else 0.)


def jumps(row):
    "A consistency model is right if only chance is left, with few calls as with many."
    told = ", ".join(f"{e:.3f}" for e in row["off"])
    calls = ", ".join(map(str, row["calls"]))
    ok = max(row["off"]) < .05
    says = f"{'right; ' * ok}off by {told} after {calls} calls."
    return probe.Verdict(ok, f"consistency: {says}")


def whole(rows):
    "Whether each scheduler that diffusers exports has a row, and each sampler of k-diffusion."
    import diffusers, k_diffusion
    names = {n for n in dir(diffusers.schedulers) if n.endswith("Scheduler")} | {
        n for n in dir(k_diffusion.sampling) if n.startswith("sample_")}
    if left := names - {r["name"].split(",")[0] for r in rows}: raise ValueError(
        f"no row for {', '.join(sorted(left))}: expected an adapter or a reason in NO_SAMPLERS")


def main(*words):
    "Run all, print a line for each, and write the record."
    only, rows = [w for w in words if w[0] != "-"], []
    warnings.simplefilter("ignore")
    for c in CASES:
        if only and not any(w in f"{c[0]} {c[1]}" for w in only): continue
        for name, run, table in verdicts(*c):
            begun = time.process_time()
            try: ok, says = run()
            except Exception as e: ok, says = None, f"{type(e).__name__}: {e}"
            spent = time.process_time() - begun
            says = says.split(": ", 1)[-1] if ok is not None else says
            try: more = table() if ok is not None else {}
            except Exception as e: more = dict(calls=[], says=f"{says} {type(e).__name__}: {e}")
            rows.append(dict(
                library=c[0], name=name, check=c[2], ok=ok, says=says,
                seconds=round(spent, 1)) | more)
            print(f"{ {True: 'ok ', False: 'NO ', None: '?? '}[ok]}{c[0]}: {name} ({spent:.1f} s): "
                  f"{says[:230]} {more.get('order')} {more.get('off')} {more.get('end')}",
                  flush=True)
    print(len(rows), "checked,", sum(r["ok"] is True for r in rows), "right")
    for name, why in NO_SAMPLERS.items():
        library = "k-diffusion" if name[0] == "s" else "diffusers"
        if any(r["library"] == library for r in rows): rows.append(dict(
            library=library, name=name, check="none", ok=None, says=why, seconds=0.))
    if not only: whole(rows)
    if "--write" not in words: return
    versions = {v: importlib.metadata.version(v) for v in dict.fromkeys(c[0] for c in CASES)}
    versions["torch"] = torch.__version__
    path = Path(__file__).parents[1] / "runs" / "ecosystem.json"
    new, libraries = {(r["library"], r["name"]) for r in rows}, [*versions]
    old = json.loads(path.read_text())["rows"] if only and path.exists() else []
    rows = [r for r in old if (r["library"], r["name"]) not in new] + rows
    rows.sort(key=lambda r: libraries.index(r["library"]))
    lines = ",\n".join(map(json.dumps, rows))
    path.write_text(f'{{"versions": {json.dumps(versions)}, "rows": [\n{lines}]}}\n')


if __name__ == "__main__": main(*sys.argv[1:])
