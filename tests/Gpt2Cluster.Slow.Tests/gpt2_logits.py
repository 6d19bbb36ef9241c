"""GPT-2's logits in PyTorch, from an exported folder; reads and computes with nothing of this project's.

usage: gpt2_logits.py FOLDER ID,ID,...     prints a line a position
"""

import json
import math
import struct
import sys

import numpy
import torch


def read_safetensors(path):
    with open(path, "rb") as file:
        head = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    head.pop("__metadata__", None)
    types = {"F32": numpy.float32, "F16": numpy.float16}
    tensors = {}
    for name, entry in head.items():
        start, end = entry["data_offsets"]
        values = numpy.frombuffer(data[start:end], dtype=types[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.tensor(values.astype(numpy.float32))
    return tensors


def logits(config, tensors, ids):
    weight = lambda name: tensors["transformer." + name]  # noqa: E731
    linear = lambda x, name: x @ weight(name + ".weight") + weight(name + ".bias")  # noqa: E731
    norm = lambda x, name: torch.nn.functional.layer_norm(  # noqa: E731
        x, x.shape[-1:], weight(name + ".weight"), weight(name + ".bias"), config["layer_norm_epsilon"])
    heads, length = config["n_head"], len(ids)
    later = torch.ones(length, length, dtype=torch.bool).triu(1)
    x = weight("wte.weight")[ids] + weight("wpe.weight")[:length]  # (T, C)
    for layer in range(config["n_layer"]):
        block = f"h.{layer}."
        q, k, v = (
            part.view(length, heads, -1).transpose(0, 1)  # (H, T, C / H)
            for part in linear(norm(x, block + "ln_1"), block + "attn.c_attn").chunk(3, dim=-1))
        scores = (q @ k.transpose(1, 2)) / math.sqrt(q.shape[-1])  # (H, T, T)
        seen = scores.masked_fill(later, float("-inf")).softmax(-1) @ v
        x = x + linear(seen.transpose(0, 1).reshape(length, -1), block + "attn.c_proj")
        wide = linear(norm(x, block + "ln_2"), block + "mlp.c_fc")  # (T, 4 C)
        bent = 0.5 * wide * (1 + torch.tanh(math.sqrt(2 / math.pi) * (wide + 0.044715 * wide**3)))
        x = x + linear(bent, block + "mlp.c_proj")
    return norm(x, "ln_f") @ tensors.get("lm_head.weight", weight("wte.weight")).T  # (T, V), the head tied


if __name__ == "__main__":
    folder, ids = sys.argv[1], [int(word) for word in sys.argv[2].split(",")]
    with open(folder + "/config.json") as file:
        config = json.load(file)
    with torch.no_grad():
        for row in logits(config, read_safetensors(folder + "/model.safetensors"), ids):
            print(*(repr(float(value)) for value in row))
