"""Writes hub.bin with PyTorch: the golden model as many models lie on the hub.

usage: make-hub.py, beside the folder numerics. Half precision, names with the prefix transformer., the masks that old
versions of transformers saved, and the head that is the token embedding again.
"""
import json, os, struct, torch

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, '../numerics/model.safetensors'), 'rb') as file:
    length, = struct.unpack('<Q', file.read(8))
    header = json.loads(file.read(length))
    data = file.read()

tensors = {}
for name, entry in header.items():
    if name == '__metadata__':
        continue
    begin, end = entry['data_offsets']
    values = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32).reshape(entry['shape'])
    tensors['transformer.' + name.removeprefix('transformer.')] = values.half()
for layer in range(2):
    tensors[f'transformer.h.{layer}.attn.bias'] = torch.tril(torch.ones(64, 64, dtype=torch.uint8)).view(1, 1, 64, 64)
    tensors[f'transformer.h.{layer}.attn.masked_bias'] = torch.tensor(-1e4)
tensors['lm_head.weight'] = tensors['transformer.wte.weight']
torch.save(tensors, os.path.join(here, 'hub.bin'))
