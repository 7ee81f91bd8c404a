"""Eleven public repositories, as they stand, sent through the checks of this library.

    python nbs/check/repositories.py CLONES [--write] [WORD …]

CLONES is a folder with a folder for each of `SOURCES`: a git clone, or what pip downloads. Only the
functions and classes that are asked for are taken from a file, so that nothing else of it has to be
installed. `FAULTS` shows what was found by a few lines that use nothing of this library."""
import ast, collections, functools, json, math, random, resource, sys, time
from pathlib import Path
from types import SimpleNamespace
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from diffstudy import check

SOURCES = {  # folder → where it is from, and which version
    "tiny-diffusion": "github.com/tanelp/tiny-diffusion 3aaa6c8",
    "Conditional_Diffusion_MNIST": "github.com/TeaPearce/Conditional_Diffusion_MNIST 1248f64",
    "minDiffusion": "github.com/cloneofsimo/minDiffusion b4ba483, 00a3c80",
    "pytorch-ddpm": "github.com/w86763777/pytorch-ddpm 7abb4c0",
    "ddim": "github.com/ermongroup/ddim 270890e",
    "annotated_deep_learning_paper_implementations": "pypi.org/project/labml-nn 0.5.1",
    "guided-diffusion": "pypi.org/project/guided-diffusion-sdk 1.0.0",
    "denoising-diffusion-pytorch": "pypi.org/project/denoising-diffusion-pytorch 2.3.4",
    "latent-diffusion": "pypi.org/project/stable-diffusion-sdkit 2.1.5",
    "score_sde_pytorch": "github.com/yang-song/score_sde_pytorch c8c18d1",
    "edm": "github.com/NVlabs/edm 0a2ff34"}
CLONES = Path(next((w for w in sys.argv[1:] if Path(w).is_dir()), "."))


def take(path, *names, replace=("", ""), **known):
    "Functions and classes of a file, by name; others that they use are given."
    text = (CLONES / path).read_text().replace(*replace) if replace[0] else (
        CLONES / path).read_text()
    tree = ast.parse(text)
    tree.body = [n for n in tree.body if getattr(n, "name", "") in names]
    for n in tree.body: n.decorator_list = []
    known = dict(torch=torch, th=torch, nn=nn, F=F, np=np, math=math, functools=functools,
                 Dict=dict, Tuple=tuple, tqdm=lambda v, **_: v, print=lambda *_, **__: None, **known)
    exec(compile("from __future__ import annotations", path, "exec"), known)
    exec(compile(tree, path, "exec", flags=0x1000000), known)
    return SimpleNamespace(**{n: known[n] for n in names})


def times(n, x): return torch.randint(n, (len(x),))


class Net(nn.Module):
    "A network with the arguments and attributes that some code asks for."
    def __init__(self, ask, **more):
        super().__init__()
        self.ask, self.one = [ask], nn.Parameter(torch.zeros(1))
        for name, v in more.items(): setattr(self, name, v)
    def forward(self, *args, **more): return self.ask[0](*args, **more)
    def __getattr__(self, name):
        if name in ("sigma_min", "sigma_max"): return dict(sigma_min=0, sigma_max=math.inf)[name]
        return super().__getattr__(name)


def tiny_diffusion():
    d = take("tiny-diffusion/ddpm.py", "NoiseScheduler").NoiseScheduler
    def add_noise(x0, t, noise): return d().add_noise(x0, noise, t)
    def posterior(x0, x_t, t):
        return d().q_posterior(x0, x_t, t), torch.stack([torch.as_tensor(d().get_variance(n)) for n in t])
    def sample(n):
        def walk(model, x, steps):
            it = d(n)
            for t in reversed(range(n)): x = it.step(model(x, torch.full((len(x),), t)), t, x)
            return x
        return walk
    yield "schedule, 50 steps, the default", check.schedule, d(50).betas
    yield "schedule, 1,000 steps", check.schedule, d().betas
    yield "forward", check.forward, add_noise, dict(betas=d().betas)
    yield "posterior", check.posterior, posterior, dict(betas=d().betas)
    yield "sampler, 50 steps, the default", check.sampler, sample(50), dict(
        steps=50, betas=d(50).betas)
    yield "sampler, 1,000 steps", check.sampler, sample(1000), dict(steps=1000, betas=d().betas)


def conditional_mnist():
    f = take("Conditional_Diffusion_MNIST/script.py", "ddpm_schedules", "DDPM")
    table = f.ddpm_schedules(1e-4, .02, 400)["alphabar_t"]
    def made(model):
        def net(x, c, t, mask):  # both halves of its batch are the same
            told = (t.flatten() * 400).round().long()
            if t.ndim == 1: return model(x, told)  # in training
            half = len(x) // 2
            return model(x[:half], told[:half]).repeat(2, 1, 1, 1)
        return f.DDPM(Net(net), (1e-4, .02), 400, "cpu")
    def sample(model, x, steps): return made(model).sample(len(x), x.shape[1:], "cpu")[0]
    def loss(model, x0): return made(model)(x0, torch.zeros(len(x0), dtype=torch.long))
    yield "schedule, 400 steps, the default", check.schedule, table, dict(says="abar")
    yield "sampler", check.sampler, sample, dict(steps=400, abar=table)
    yield "loss", check.loss, loss, dict(abar=table)


def min_diffusion():
    f = take("minDiffusion/mindiffusion/ddpm.py", "ddpm_schedules", "DDPM")
    i = take("minDiffusion/mindiffusion/ddim.py", "DDIM", DDPM=f.DDPM)
    table = f.ddpm_schedules(1e-4, .02, 1000)["alphabar_t"]
    def of(made, *more):
        def net(model): return Net(lambda x, t: model(x, (t.flatten() * 1000).round().long()))
        def sample(model, x, steps):
            return made(net(model), (1e-4, .02), *more, 1000).sample(len(x), x.shape[1:], "cpu")
        def loss(model, x0): return made(net(model), (1e-4, .02), *more, 1000)(x0)
        return sample, loss
    sample, loss = of(f.DDPM)
    yield "schedule", check.schedule, table, dict(says="abar")
    yield "sampler, DDPM", check.sampler, sample, dict(steps=1000, abar=table)
    yield "sampler, DDIM", check.sampler, of(i.DDIM, 0.)[0], dict(steps=1000, abar=table)
    yield "loss", check.loss, loss, dict(abar=table)


def pytorch_ddpm():
    f = take("pytorch-ddpm/diffusion.py", "extract", "GaussianDiffusionTrainer",
             "GaussianDiffusionSampler")
    def made(model, kind): return f.GaussianDiffusionSampler(
        model, 1e-4, .02, 1000, mean_type="epsilon", var_type=kind)
    says = dict(betas=made(nn.Identity(), "fixedlarge").betas)
    yield "schedule", check.schedule, says["betas"]
    yield "posterior", check.posterior, made(nn.Identity(), "fixedsmall").q_mean_variance, says
    def sample(model, x, steps): return made(model, "fixedlarge")(x)
    yield "sampler", check.sampler, sample, dict(steps=1000, **says)
    def loss(model, x0): return f.GaussianDiffusionTrainer(model, 1e-4, .02, 1000)(x0).mean()
    yield "loss", check.loss, loss, says


def ermon_ddim():
    f = take("ddim/functions/denoising.py", "compute_alpha", "generalized_steps", "ddpm_steps",
             replace=("'cuda'", "'cpu'"))
    betas = torch.linspace(1e-4, .02, 1000)
    def of(fn, **more):
        def sample(model, x, steps):
            return fn(x, range(0, 1000, 1000 // steps), model, betas, **more)[0][-1]
        return sample
    yield "sampler, DDIM", check.sampler, of(f.generalized_steps), dict(betas=betas)
    yield "sampler, DDIM with noise", check.sampler, of(f.generalized_steps, eta=1.), dict(
        steps=100, betas=betas)
    yield "sampler, DDPM in 100 steps", check.sampler, of(f.ddpm_steps), dict(
        steps=100, betas=betas)


def labml():
    here = "annotated_deep_learning_paper_implementations/labml_nn/diffusion/ddpm"
    gather = take(f"{here}/utils.py", "gather").gather
    f = take(f"{here}/__init__.py", "DenoiseDiffusion", gather=gather, Optional={None: None})
    def made(model): return f.DenoiseDiffusion(model, 1000, "cpu")
    says = dict(betas=made(None).beta)
    def sample(model, x, steps):
        for t in reversed(range(1000)): x = made(model).p_sample(x, torch.full((len(x),), t))
        return x
    def loss(model, x0): return made(model).loss(x0)
    yield "schedule", check.schedule, says["betas"]
    yield "forward", check.forward, made(None).q_sample, says
    yield "sampler", check.sampler, sample, dict(steps=1000, **says)
    yield "loss", check.loss, loss, says


def guided_diffusion():
    sys.path.insert(0, str(CLONES / "guided-diffusion"))
    from guided_diffusion import gaussian_diffusion as g, respace
    kind = dict(model_mean_type=g.ModelMeanType.EPSILON, loss_type=g.LossType.MSE)
    def made(var="FIXED_SMALL", steps="", schedule="linear"):
        betas = g.get_named_beta_schedule(schedule, 1000)
        more = dict(betas=betas, model_var_type=g.ModelVarType[var], **kind)
        use = respace.space_timesteps(1000, steps) if steps else range(1000)
        return respace.SpacedDiffusion(use_timesteps=set(use), **more)
    d, says = made(), dict(betas=made().betas)
    def two(model): return Net(lambda x, t, **_: torch.cat([model(x, t), 0 * x], 1))
    def of(loop, steps=None, var="FIXED_SMALL", wrap=Net):
        def sample(model, x, n):
            it = made(var, f"ddim{n}" if steps is None else steps)
            return getattr(it, loop)(wrap(model), x.shape, noise=x)
        return sample
    def loss(model, x0): return d.training_losses(Net(model), x0, times(1000, x0))["loss"].mean()
    learned = made("LEARNED_RANGE")
    def hybrid(model, x0): return learned.training_losses(
        two(model), x0, times(1000, x0))["loss"].mean()
    for name in "linear", "cosine":
        yield f"schedule, {name}", check.schedule, made(schedule=name).betas
    yield "forward", check.forward, d.q_sample, says
    yield "posterior", check.posterior, d.q_posterior_mean_variance, says
    yield "sampler, DDPM", check.sampler, of("p_sample_loop", ""), dict(steps=1000, **says)
    yield "sampler, learned variance, 100 of 1,000 steps", check.sampler, of(
        "p_sample_loop", "100", "LEARNED_RANGE", two), dict(steps=100, **says)
    yield "sampler, DDIM in 50 steps", check.sampler, of("ddim_sample_loop", "ddim50"), dict(
        steps=50, **says)
    yield "loss", check.loss, loss, says
    yield "loss, with the bound of a learned variance", check.loss, hybrid, says


def lucidrains():
    path = "denoising-diffusion-pytorch/denoising_diffusion_pytorch/denoising_diffusion_pytorch.py"
    f = take(
        path, "exists", "default", "identity", "extract", "linear_beta_schedule",
        "cosine_beta_schedule", "sigmoid_beta_schedule", "GaussianDiffusion", Module=nn.Module,
        random=random.random, partial=functools.partial,
        reduce=lambda v, *_: v.flatten(1).mean(1), autocast=lambda *_, **__: lambda f: f,
        ModelPrediction=collections.namedtuple("ModelPrediction", "pred_noise pred_x_start"))
    def made(model, predicts="pred_noise", calls=1000, schedule="sigmoid"):
        net = Net(lambda x, t, _: model(x, t), channels=1, out_dim=1, self_condition=False)
        return f.GaussianDiffusion(
            net, image_size=4, objective=predicts, beta_schedule=schedule,
            sampling_timesteps=calls, auto_normalize=False)
    for name in "linear", "cosine", "sigmoid":
        yield f"schedule, {name}", check.schedule, made(None, schedule=name).betas
    d, says = made(None), dict(abar=made(None).alphas_cumprod)
    yield "forward", check.forward, d.q_sample, says
    yield "posterior", check.posterior, d.q_posterior, says
    for predicts, kind in dict(pred_noise="eps", pred_x0="x", pred_v="v").items():
        def ddim(model, x, steps, p=predicts): return made(model, p, steps).ddim_sample(x.shape)
        def ddpm(model, x, steps, p=predicts): return made(model, p).p_sample_loop(x.shape)
        def loss(model, x0, p=predicts): return made(model, p).p_losses(x0, times(1000, x0))
        def weight(t, table=made(None, predicts).loss_weight): return table[t.long()]
        yield f"sampler, DDIM of {kind}", check.sampler, ddim, dict(predicts=kind, **says)
        if kind == "eps": yield "sampler, DDPM of eps", check.sampler, ddpm, dict(
            steps=1000, **says)
        yield f"loss of {kind}", check.loss, loss, dict(predicts=kind, weight=weight, **says)


def latent_diffusion():
    here = "latent-diffusion/ldm/m"
    u = take(f"{here}odules/diffusionmodules/util.py", "make_ddim_timesteps",
             "make_ddim_sampling_parameters", "noise_like")
    betas = torch.linspace(.0015 ** .5, .0195 ** .5, 1000) ** 2
    abar = torch.cumprod(1 - betas, 0)
    def of(file, name):
        made = getattr(take(f"{here}odels/diffusion/{file}.py", name, **vars(u)), name)
        def sample(model, x, steps):
            net = SimpleNamespace(
                apply_model=lambda x, t, c: model(x, t), parameterization="eps", device="cpu",
                num_timesteps=1000, betas=betas, alphas_cumprod=abar,
                alphas_cumprod_prev=torch.cat([torch.ones(1), abar[:-1]]))
            return made(net).sample(steps, len(x), x.shape[1:], x_T=x, verbose=False)[0]
        return sample
    yield "schedule", check.schedule, betas
    yield "sampler, DDIM", check.sampler, of("ddim", "DDIMSampler"), dict(betas=betas)
    yield "sampler, DDIM, where its end is meant", check.sampler, of("ddim", "DDIMSampler"), dict(
        betas=betas, lowest=True)
    yield "sampler, PLMS", check.sampler, of("plms", "PLMSSampler"), dict(betas=betas)


def score_sde():
    import abc
    sde = take("score_sde_pytorch/sde_lib.py", "SDE", "VPSDE", "subVPSDE", "VESDE", abc=abc)
    f = take(
        "score_sde_pytorch/sampling.py", "Predictor", "Corrector", "EulerMaruyamaPredictor",
        "ReverseDiffusionPredictor", "AncestralSamplingPredictor", "NoneCorrector",
        "LangevinCorrector", "shared_predictor_update_fn", "shared_corrector_update_fn",
        "get_pc_sampler", abc=abc, sde_lib=sde,
        mutils=SimpleNamespace(get_score_fn=lambda sde, model, **_: model))
    def of(it, predictor, corrector=f.NoneCorrector, told=lambda t: t):
        def sample(model, x, steps):
            more = dict(inverse_scaler=lambda v: v, snr=.16, continuous=True, device="cpu")
            it.N = steps
            return f.get_pc_sampler(it, x.shape, predictor, corrector, eps=1e-3, **more)(
                lambda x, t: model(x, told(t)))[0]
        return sample
    def log_snr(t):
        mean, std = sde.VPSDE().marginal_prob(torch.ones(1, 1, 1, 1), t.reshape(-1).float())
        return 2 * (mean.flatten() / std).log().reshape(t.shape)
    def sigma(t): return .01 * (50 / .01) ** t
    ve = dict(sigmas=sigma(torch.linspace(0, 1, 1000)), predicts="score", steps=1000)
    vp = dict(log_snr=log_snr, predicts="score", steps=1000)
    yield "sampler, VP, EulerMaruyama", check.sampler, of(
        sde.VPSDE(), f.EulerMaruyamaPredictor), vp
    for name, corrector in dict(ReverseDiffusion=None, AncestralSampling=None,
                                Langevin=f.LangevinCorrector).items():
        predictor = getattr(f, f"{name}Predictor", f.ReverseDiffusionPredictor)
        yield f"sampler, VE, {name}", check.sampler, of(
            sde.VESDE(), predictor, corrector or f.NoneCorrector, sigma), ve


def edm():
    f = take("edm/generate.py", "edm_sampler", "ablation_sampler")
    l = take("edm/training/loss.py", "EDMLoss", "VELoss")
    says = dict(sigmas=torch.logspace(math.log10(.002), math.log10(80), 256), predicts="x")
    def net(model): return Net(lambda x, s, *_, **__: model(x, s), round_sigma=torch.as_tensor)
    def of(fn, **more):
        def sample(model, x, steps): return fn(net(model), x / 80, num_steps=steps, **more)
        return sample
    yield "sampler", check.sampler, of(f.edm_sampler), says
    yield "sampler, with churn", check.sampler, of(
        f.edm_sampler, S_churn=40, S_min=.05, S_max=50), dict(steps=256, **says)
    for kind, low, scaling in ("ve", .02, "none"), ("vp", .0105, "vp"):  # each from its own level
        table = torch.logspace(math.log10(low), math.log10(80), 256)
        for solver in "euler", "heun":
            yield f"sampler, {kind.upper()}, {solver}", check.sampler, of(
                f.ablation_sampler, solver=solver, discretization=kind, schedule=kind,
                scaling=scaling, sigma_max=80), says | dict(sigmas=table)
    for name, weight in dict(EDMLoss=lambda s: 4 + s ** -2, VELoss=lambda s: s ** -2).items():
        def loss(model, x0, it=getattr(l, name)()): return it(net(model), x0, None).mean()
        yield f"loss, {name}", check.loss, loss, says | dict(weight=weight)


ADAPTERS = dict(zip(SOURCES, (
    tiny_diffusion, conditional_mnist, min_diffusion, pytorch_ddpm, ermon_ddim, labml,
    guided_diffusion, lucidrains, latent_diffusion, score_sde, edm)))


def main(*words):
    only = [w for w in words if w[0] != "-" and not Path(w).is_dir()]
    rows = []
    for folder, adapter in ADAPTERS.items():
        if only and not any(w in folder for w in only): continue
        for what, of, given, *more in adapter():
            begun = time.process_time()
            try: ok, says = of(given, **dict(*more))
            except Exception as e: ok, says = None, f"{type(e).__name__}: {e}"
            spent = time.process_time() - begun
            says = says.split(": ", 1)[-1] if ok is not None else says
            rows.append(dict(
                repository=folder, asked=what, ok=ok, says=says, seconds=round(spent, 1)))
            print({True: "ok ", False: "NO ", None: "?? "}[ok], folder, what, f"({spent:.1f} s)",
                  says[:260], flush=True)
    most = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)
    print(len(rows), "checked,", sum(r["ok"] is True for r in rows), f"right, {most} GB")
    if "--write" not in words: return
    path = Path(__file__).parents[1] / "runs" / "repositories.json"
    old = json.loads(path.read_text()) if path.exists() else dict(gigabytes=0, rows=[])
    seen = {r["repository"] for r in rows}
    rows += [r for r in old["rows"] if r["repository"] not in seen]
    rows.sort(key=lambda r: [*SOURCES].index(r["repository"]))
    lines = ",\n".join(map(json.dumps, rows))
    path.write_text(
        f'{{"sources": {json.dumps(SOURCES, indent=1)},\n"torch": "{torch.__version__}", '
        f'"gigabytes": {max(most, old["gigabytes"])}, "rows": [\n{lines}]}}\n')


if __name__ == "__main__": main(*sys.argv[1:])
