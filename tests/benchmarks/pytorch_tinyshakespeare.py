"""
Trains the shape of scratch:tiny (4 layers, width 128, 4 heads, context 128) in PyTorch and prints the validation loss.

python3 pytorch_tinyshakespeare.py TOKENS [learning rate] [steps] [warm-up steps]

TOKENS holds the text's GPT-2 tokens as uint16, little endian. The last twentieth is for validation, cut off before
windows are made; a step is 16 windows of 128 tokens, without replacement within an epoch; the learning rate rises over
the warm-up and falls along a cosine to a tenth.
"""

import array
import math
import sys

import torch

from pytorch_model import Gpt2

CONTEXT, WINDOWS = 128, 16


def cut(tokens):
    count = math.ceil((len(tokens) - 1) / CONTEXT)
    starts = [min(i * CONTEXT, len(tokens) - 1 - CONTEXT) for i in range(count)]
    return torch.stack([tokens[start : start + CONTEXT + 1] for start in starts])


tokens = array.array("H", open(sys.argv[1], "rb").read())
peak = float(sys.argv[2]) if len(sys.argv) > 2 else 2e-3
steps = int(sys.argv[3]) if len(sys.argv) > 3 else 300
torch.set_num_threads(2)
text = torch.tensor(tokens, dtype=torch.long)
boundary = len(text) - int(len(text) * 0.05)
training, validation = cut(text[:boundary]), cut(text[boundary:])
model = Gpt2(context=CONTEXT, width=128, heads=4, layers=4)
optimizer = model.optimizer(peak)
warmup = int(sys.argv[4]) if len(sys.argv) > 4 else 20
order = torch.empty(0, dtype=torch.long)
for step in range(1, steps + 1):
    while len(order) < WINDOWS:
        order = torch.cat([order, torch.randperm(len(training))])
    batch, order = training[order[:WINDOWS]], order[WINDOWS:]
    progress = max(0.0, (step - warmup) / max(1, steps - warmup))
    rate = peak * (step / warmup if step < warmup else 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * progress)))
    for group in optimizer.param_groups:
        group["lr"] = rate
    loss = model(batch[:, :-1], batch[:, 1:])
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if step % 50 == 0 or step == 1:
        print(f"step {step}: loss {loss.item():.4f}", flush=True)
with torch.no_grad():
    losses = [model(w[:, :-1], w[:, 1:]).item() * len(w) for w in validation.split(16)]
print(f"validation loss {sum(losses) / len(validation):.4f} over {len(validation)} windows")
