"""DDPM (Ho et al. 2020) on the 8×8 digits, in plain PyTorch: train, save, sample."""
from pathlib import Path
import torch
from sklearn.datasets import load_digits
from torch import nn

STEPS, T = 2000, 1000
betas = torch.linspace(1e-4, .02, T)
abar = torch.cumprod(1 - betas, 0)

def at(table, t): return table[t].view(-1, 1, 1, 1)

pictures = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 8 - 1
order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(0))
images, held_out = pictures[order[:1437]], pictures[order[1437:]]

class Net(nn.Module):
    def __init__(self, width=192):
        super().__init__()
        self.enter, self.time = nn.Linear(64, width), nn.Linear(64, width)
        self.blocks = nn.ModuleList(nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(2))
        self.leave = nn.Linear(width, 64)

    def forward(self, x, t):
        waves = t.float().view(-1, 1) / T * torch.logspace(0, 3, 32)
        h = self.enter(x.flatten(1)) + self.time(torch.cat([waves.sin(), waves.cos()], 1))
        for block in self.blocks: h = h + block(h)
        return self.leave(h).view_as(x)

def loss(model, x0, generator=None):
    t = torch.randint(T, (len(x0),), generator=generator)
    noise = torch.randn(x0.shape, generator=generator).to(x0)
    a = at(abar, t).to(x0)
    return (model(a.sqrt() * x0 + (1 - a).sqrt() * noise, t) - noise).square().mean()

@torch.no_grad()
def sample(model, x, steps=T, generator=None):
    for t in reversed(range(T)):
        eps = model(x, torch.full((len(x),), t))
        x = (x - betas[t] / (1 - abar[t]).sqrt() * eps) / (1 - betas[t]).sqrt()
        if t > 0: x = x + betas[t].sqrt() * torch.randn(x.shape, generator=generator).to(x)
    return x

def train(model, images, steps=STEPS):
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        value = loss(model, images[torch.randint(len(images), (128,))])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        slower.step()
        yield value.item()

torch.manual_seed(0)
model, kept = Net(), Path(__file__).with_suffix(".pt")
if __name__ == "__main__":
    losses = list(train(model, images))
    samples = sample(model, torch.randn(64, 1, 8, 8))
    torch.save(dict(model=model.state_dict(), losses=losses, samples=samples), kept)
elif kept.exists():
    found = torch.load(kept)
    model.load_state_dict(found["model"])
    losses, samples = found["losses"], found["samples"]
