"""Writes the files of this folder as torch.save does, with Python's own pickle and zipfile and without PyTorch.

usage: make.py, beside the folder numerics. model.bin and model-older.bin hold the golden model, views.bin tensors with
strides and shared storages, runs.bin a call that no reader may make.
"""
import collections, io, json, os, pickle, struct, sys, types, zipfile

here = os.path.dirname(os.path.abspath(__file__))


def module(name):
    made = types.ModuleType(name)
    sys.modules[name] = made
    return made


torch, utilities = module('torch'), module('torch._utils')
torch._utils = utilities


def _rebuild_tensor_v2(*arguments):
    raise NotImplementedError


_rebuild_tensor_v2.__module__ = 'torch._utils'
_rebuild_tensor_v2.__qualname__ = '_rebuild_tensor_v2'
utilities._rebuild_tensor_v2 = _rebuild_tensor_v2
for name in ('FloatStorage', 'HalfStorage', 'BFloat16Storage', 'LongStorage', 'ByteStorage'):
    setattr(torch, name, type(name, (), {'__module__': 'torch'}))


class Storage:
    def __init__(self, kind, key, count, data):
        self.kind, self.key, self.count, self.data = kind, key, count, data


class Tensor:
    def __init__(self, storage, offset, size, stride):
        self.state = (storage, offset, size, stride, False, collections.OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.state


class Pickler(pickle.Pickler):
    def __init__(self, file, older):
        super().__init__(file, protocol=2)
        self.older, self.storages = older, {}

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        self.storages[value.key] = value
        identity = ('storage', getattr(torch, value.kind), value.key, 'cpu', value.count)
        return identity + (None,) if self.older else identity


def pickled(value, older=False):
    content = io.BytesIO()
    pickler = Pickler(content, older)
    pickler.dump(value)
    return content.getvalue(), pickler.storages


def save(name, value):
    content, storages = pickled(value)
    with zipfile.ZipFile(os.path.join(here, name), 'w', zipfile.ZIP_STORED) as archive:
        def put(path, data):
            info = zipfile.ZipInfo('archive/' + path, (1980, 1, 1, 0, 0, 0))
            info.extra = b'FB' + struct.pack('<H', 13) + b'Z' * 13
            archive.writestr(info, data)
        put('data.pkl', content)
        put('byteorder', 'little')
        for key, storage in storages.items():
            put('data/' + key, storage.data)
        put('version', '3\n')


def save_older(name, value):
    content, storages = pickled(value, older=True)
    machine = dict(protocol_version=1001, little_endian=True, type_sizes=dict(short=2, int=4, long=4))
    with open(os.path.join(here, name), 'wb') as file:
        for part in (0x1950a86a20f9469cfc6c, 1001, machine):
            pickle.dump(part, file, protocol=2)
        file.write(content)
        keys = sorted(storages)
        pickle.dump(keys, file, protocol=2)
        for key in keys:
            file.write(struct.pack('<q', storages[key].count) + storages[key].data)


def contiguous(size):
    stride, step = [], 1
    for dimension in reversed(size):
        stride.insert(0, step)
        step *= dimension
    return tuple(stride)


def golden():
    with open(os.path.join(here, '../numerics/model.safetensors'), 'rb') as file:
        header = json.loads(file.read(struct.unpack('<Q', file.read(8))[0]))
        data = file.read()
    header.pop('__metadata__', None)
    model = collections.OrderedDict()
    for key, (name, tensor) in enumerate(header.items()):
        start, end = tensor['data_offsets']
        storage = Storage('FloatStorage', str(key), (end - start) // 4, data[start:end])
        model['transformer.' + name] = Tensor(storage, 0, tuple(tensor['shape']), contiguous(tensor['shape']))
    mask = Storage('ByteStorage', 'mask', 4, bytes([1, 0, 1, 1]))
    model['transformer.h.0.attn.bias'] = Tensor(mask, 0, (1, 1, 2, 2), (4, 4, 2, 1))
    model['lm_head.weight'] = model['transformer.wte.weight']
    model._metadata = collections.OrderedDict([('', {'version': 1})])
    return model


counting = Storage('FloatStorage', '0', 12, struct.pack('<12f', *range(12)))
halves = Storage('HalfStorage', '1', 3, struct.pack('<3e', 0.5, -2, 65504))
brains = Storage('BFloat16Storage', '2', 2, struct.pack('<2H', 0x3f80, 0xc000))
save('views.bin', collections.OrderedDict([
    ('whole', Tensor(counting, 0, (3, 4), (4, 1))),
    ('transposed', Tensor(counting, 0, (4, 3), (1, 4))),
    ('row', Tensor(counting, 4, (4,), (1,))),
    ('column', Tensor(counting, 1, (3,), (4,))),
    ('repeated', Tensor(counting, 5, (2, 2), (0, 3))),
    ('scalar', Tensor(counting, 7, (), ())),
    ('halves', Tensor(halves, 0, (3,), (1,))),
    ('brains', Tensor(brains, 0, (2,), (1,))),
    ('numbers', Tensor(Storage('LongStorage', '3', 1, struct.pack('<q', 7)), 0, (1,), (1,))),
]))
save('model.bin', golden())
save_older('model-older.bin', golden())


class Runs:
    def __reduce__(self):
        return os.system, ('touch was-run',)


save('runs.bin', {'wte.weight': Runs()})
