"""The model of data.tar.gz: make_model.py FOLDER. The rows of wte repeat, so that checkpoints compress well."""
import json, os, struct, sys

VOCABULARY, CONTEXT, WIDTH, LAYERS, HEADS, DISTINCT_ROWS = 50257, 16, 8, 2, 2, 61

def value(seed, index):
    return ((((index + 1) * 2654435761 + seed * 40503) % 4294967296) / 4294967296 - 0.5) * 0.4

def tensors():
    for layer in range(LAYERS):
        h = f"h.{layer}."
        yield h + "ln_1.weight", [WIDTH]
        yield h + "ln_1.bias", [WIDTH]
        yield h + "attn.c_attn.weight", [WIDTH, 3 * WIDTH]
        yield h + "attn.c_attn.bias", [3 * WIDTH]
        yield h + "attn.c_proj.weight", [WIDTH, WIDTH]
        yield h + "attn.c_proj.bias", [WIDTH]
        yield h + "ln_2.weight", [WIDTH]
        yield h + "ln_2.bias", [WIDTH]
        yield h + "mlp.c_fc.weight", [WIDTH, 4 * WIDTH]
        yield h + "mlp.c_fc.bias", [4 * WIDTH]
        yield h + "mlp.c_proj.weight", [4 * WIDTH, WIDTH]
        yield h + "mlp.c_proj.bias", [WIDTH]
    yield "ln_f.weight", [WIDTH]
    yield "ln_f.bias", [WIDTH]
    yield "wpe.weight", [CONTEXT, WIDTH]
    yield "wte.weight", [VOCABULARY, WIDTH]

folder = sys.argv[1]
os.makedirs(folder)
with open(os.path.join(folder, "config.json"), "w") as file:
    json.dump({"model_type": "gpt2", "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05,
               "vocab_size": VOCABULARY, "n_ctx": CONTEXT, "n_positions": CONTEXT, "n_embd": WIDTH,
               "n_layer": LAYERS, "n_head": HEADS}, file)
header, data = {}, bytearray()
for seed, (name, shape) in enumerate(tensors()):
    count = 1
    for dimension in shape:
        count *= dimension
    if name.endswith(".bias"):
        values = [0.0] * count
    elif "ln_" in name:
        values = [1.0] * count
    else:
        values = [value(seed, index % (DISTINCT_ROWS * WIDTH)) for index in range(count)]
    start = len(data)
    data += struct.pack(f"<{count}f", *values)
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, len(data)]}
text = json.dumps(header).encode()
with open(os.path.join(folder, "model.safetensors"), "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
