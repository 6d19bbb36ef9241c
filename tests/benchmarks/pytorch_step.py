"""Tokens per second of one training step of GPT-2 124M in PyTorch: python3 pytorch_step.py [fp32|bf16] [steps]"""

import contextlib
import statistics
import sys
import time

import torch

from pytorch_model import Gpt2

precision = sys.argv[1] if len(sys.argv) > 1 else "fp32"
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 8
threads = int(sys.argv[3]) if len(sys.argv) > 3 else 2
torch.set_num_threads(threads)

model = Gpt2()
optimizer = model.optimizer(5e-5)
windows = torch.randint(0, 50257, (4, 257))
seconds, processor = [], []
for step in range(steps):
    start, start_processor = time.perf_counter(), time.process_time()
    with torch.autocast("cpu", dtype=torch.bfloat16) if precision == "bf16" else contextlib.nullcontext():
        loss = model(windows[:, :-1], windows[:, 1:])
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    seconds.append(time.perf_counter() - start)
    processor.append(time.process_time() - start_processor)
    print(f"step {step + 1}: {seconds[-1]:.3f} s, {processor[-1]:.3f} s of processor time", flush=True)
median = statistics.median(seconds[2:] or seconds)
print(f"{precision}: {1024 / median:.1f} tokens/s (median), {median:.3f} s/step, "
      f"{statistics.median(processor[2:] or processor):.3f} s of processor time")
