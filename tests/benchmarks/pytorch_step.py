"""Tokens per second of one training step of GPT-2 in PyTorch: python3 pytorch_step.py [fp32|bf16] [steps] [threads]"""

import argparse
import contextlib
import statistics
import sys
import time

import torch

from pytorch_model import Gpt2

SHAPES = {  # context, width, heads, layers
    "tiny": (128, 128, 4, 4),
    "gpt2": (1024, 768, 12, 12),
    "gpt2-medium": (1024, 1024, 16, 24),
    "gpt2-large": (1024, 1280, 20, 36),
    "gpt2-xl": (1024, 1600, 25, 48),
}

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("precision", nargs="?", default="fp32", choices=["fp32", "bf16"])
parser.add_argument("steps", nargs="?", type=int, default=8)
parser.add_argument("threads", nargs="?", type=int, default=2)
parser.add_argument("--model", default="gpt2", choices=SHAPES)
parser.add_argument("--batch-size", type=int, default=4)
parser.add_argument("--sequence-length", type=int, default=256)
parser.add_argument("--device", default="cpu", help="cpu, or cuda:0")
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)
device = torch.device(arguments.device)

context, width, heads, layers = SHAPES[arguments.model]
with device if device.type == "cuda" else contextlib.nullcontext():
    model = Gpt2(context=context, width=width, heads=heads, layers=layers)
optimizer = model.optimizer(5e-5)
windows = torch.randint(0, 50257, (arguments.batch_size, arguments.sequence_length + 1)).to(device)
narrow = arguments.precision == "bf16"
seconds, processor = [], []
for step in range(arguments.steps):
    start, start_processor = time.perf_counter(), time.process_time()
    with torch.autocast(device.type, dtype=torch.bfloat16) if narrow else contextlib.nullcontext():
        loss = model(windows[:, :-1], windows[:, 1:])
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    seconds.append(time.perf_counter() - start)
    processor.append(time.process_time() - start_processor)
    print(f"step {step + 1}: {seconds[-1]:.3f} s, {processor[-1]:.3f} s of processor time", file=sys.stderr, flush=True)
median = statistics.median(seconds[2:] or seconds)
tokens = arguments.batch_size * arguments.sequence_length
print(f"{arguments.precision}: {tokens / median:.1f} tokens/s (median), {median:.4f} s/step, "
      f"{statistics.median(processor[2:] or processor):.3f} s of processor time")
