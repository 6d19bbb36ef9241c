"""Tokens per second of sampling without a cache, as nanoGPT does it: python3 pytorch_generate.py [length] [threads]"""

import sys
import time

import torch

from pytorch_model import Gpt2

length = int(sys.argv[1]) if len(sys.argv) > 1 else 256
threads = int(sys.argv[2]) if len(sys.argv) > 2 else 2
torch.set_num_threads(threads)

model = Gpt2().eval()
text = torch.zeros((1, 1), dtype=torch.long)
start, start_processor = time.perf_counter(), time.process_time()
with torch.no_grad():
    for _ in range(length):
        logits = model(text)[0, -1]
        likeliest = logits.topk(40)
        choice = torch.multinomial(likeliest.values.softmax(dim=0), 1)
        text = torch.cat([text, likeliest.indices[choice][None]], dim=1)
seconds = time.perf_counter() - start
print(f"{length / seconds:.2f} tokens/s, {time.process_time() - start_processor:.1f} s of processor time")
