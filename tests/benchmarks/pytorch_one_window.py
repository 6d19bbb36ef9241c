#!/usr/bin/env python3
"""Trains a small GPT-2 on one window with PyTorch and prints the losses that the command line must reproduce.

The weights follow a formula that the test repeats, so no file of weights is needed:
    element i of tensor t = (((i + 1) * 2654435761 + t * 40503) mod 2^32 / 2^32 - 0.5) * 0.16, in double, rounded to fp32;
layer-norm weights are 1 and biases 0. Tensors are counted in the order of `names`.

Usage: pytorch_one_window.py TOKEN TOKEN ...     (33 tokens)
Measured with Debian's python3-torch 1.13; the figures are kept in tests/Gpt2Cluster.EndToEnd.Tests/Goldens/one-window.json.
"""
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F

V, T, C, H, L = 50257, 32, 16, 2, 2
STEPS, RATE, BETAS, EPSILON, DECAY, CLIP = 10, 1e-3, (0.9, 0.999), 1e-8, 0.01, 1.0

shapes = {}
for i in range(L):
    shapes |= {
        f"h.{i}.ln_1.weight": (C,), f"h.{i}.ln_1.bias": (C,),
        f"h.{i}.attn.c_attn.weight": (C, 3 * C), f"h.{i}.attn.c_attn.bias": (3 * C,),
        f"h.{i}.attn.c_proj.weight": (C, C), f"h.{i}.attn.c_proj.bias": (C,),
        f"h.{i}.ln_2.weight": (C,), f"h.{i}.ln_2.bias": (C,),
        f"h.{i}.mlp.c_fc.weight": (C, 4 * C), f"h.{i}.mlp.c_fc.bias": (4 * C,),
        f"h.{i}.mlp.c_proj.weight": (4 * C, C), f"h.{i}.mlp.c_proj.bias": (C,),
    }
shapes |= {"ln_f.weight": (C,), "ln_f.bias": (C,), "wpe.weight": (T, C), "wte.weight": (V, C)}


def tensor(index, name, shape):
    if name.endswith(".bias"):
        return torch.zeros(shape)
    if "ln_" in name:
        return torch.ones(shape)
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    bits = ((i + np.uint64(1)) * np.uint64(2654435761) + np.uint64(index * 40503)) % np.uint64(2**32)
    return torch.from_numpy(((bits.astype(np.float64) / 2**32 - 0.5) * 0.16).astype(np.float32).reshape(shape))


parameters = {name: torch.nn.Parameter(tensor(t, name, shape)) for t, (name, shape) in enumerate(shapes.items())}


def forward(x, y):
    p = parameters
    h = p["wte.weight"][x] + p["wpe.weight"][: x.shape[1]]                                  # (B, T, C)
    mask = torch.full((x.shape[1], x.shape[1]), float("-inf")).triu(1)
    for i in range(L):
        a = F.layer_norm(h, (C,), p[f"h.{i}.ln_1.weight"], p[f"h.{i}.ln_1.bias"])
        q, k, v = (a @ p[f"h.{i}.attn.c_attn.weight"] + p[f"h.{i}.attn.c_attn.bias"]).split(C, dim=2)
        q, k, v = (z.view(*z.shape[:2], H, C // H).transpose(1, 2) for z in (q, k, v))      # (B, H, T, C/H)
        w = F.softmax(q @ k.transpose(-2, -1) / (C // H) ** 0.5 + mask, dim=-1)
        a = (w @ v).transpose(1, 2).reshape(h.shape)
        h = h + a @ p[f"h.{i}.attn.c_proj.weight"] + p[f"h.{i}.attn.c_proj.bias"]
        m = F.layer_norm(h, (C,), p[f"h.{i}.ln_2.weight"], p[f"h.{i}.ln_2.bias"])
        m = m @ p[f"h.{i}.mlp.c_fc.weight"] + p[f"h.{i}.mlp.c_fc.bias"]
        m = 0.5 * m * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (m + 0.044715 * m**3)))
        h = h + m @ p[f"h.{i}.mlp.c_proj.weight"] + p[f"h.{i}.mlp.c_proj.bias"]
    h = F.layer_norm(h, (C,), p["ln_f.weight"], p["ln_f.bias"])
    return F.cross_entropy((h @ p["wte.weight"].T).view(-1, V), y.reshape(-1))


tokens = torch.tensor([int(word) for word in sys.argv[1:]])
assert len(tokens) == T + 1, f"{len(tokens)} tokens instead of {T + 1}"
x, y = tokens[None, :-1], tokens[None, 1:]
optimizer = torch.optim.AdamW(
    [
        {"params": [p for p in parameters.values() if p.dim() >= 2], "weight_decay": DECAY},
        {"params": [p for p in parameters.values() if p.dim() < 2], "weight_decay": 0.0},
    ],
    lr=RATE, betas=BETAS, eps=EPSILON)
losses = []
for _ in range(STEPS):
    optimizer.zero_grad()
    loss = forward(x, y)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters.values(), CLIP)
    optimizer.step()
    losses.append(loss.item())
print(json.dumps({"learning_rate": RATE, "tokens": tokens.tolist(), "losses": losses}, indent=1))
