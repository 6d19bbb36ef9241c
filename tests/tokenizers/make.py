"""Makes the vocabularies of tests/Gpt2Cluster.Data.Tests/Goldens/vocabularies, and their ids of some strings.

    npm install --prefix /tmp/tokenizers @huggingface/tokenizers@0.2.0
    python3 tests/tokenizers/make.py /tmp/tokenizers

Three vocabularies, trained here by byte pair encoding (Sennrich et al. 2016):

* roberta: as ByteLevelBPETokenizer saves them: five special tokens, 256 bytes, merges; vocab.json and merges.txt.
* trained: as train_new_from_iterator of GPT2TokenizerFast: the end of text at 0; tokenizer.json alone.
* scattered: ids in no order, holes, a token that two merges make, and an end of text that only tokenizer_config.json
  names.

The ids are those of Hugging Face's own tokenizer in JavaScript (encode.mjs), not of this script.
"""
import collections
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
GOLDENS = HERE.parent / "Gpt2Cluster.Data.Tests" / "Goldens"
TARGET = GOLDENS / "vocabularies"
MERGES = 450
FOREIGN = "海は静か、夜は深い。 Грустный дом стоит у моря. 🙂🙂 é à ü naïve\n    for (int i = 0; i < 10; i++)\n\t{ x[i] = i; }\n"
STRINGS = [
    "The sea, the sea!", "I'll say we've done what they're told; it's John's, isn't it? I'd know, I'm sure.",
    "  two  blanks,   three \n\n\nand lines\t\tof tabs \n ", "海は静か、夜は深い。", "Грустный дом", "🙂 👩\u200d🚀 🙃",
    "for (int i = 0; i < 10; i++)\n    x[i] = i * 0x1F; // done", "12345 6 789,000.5", "naïve café é e\u0301",
    "=====-----=====", "https://example.org/a?b=c&d=%20", "\u00a0\u3000 x\r\n", "!'s 'tis 'll''ve", "a",
]


def byte_letters():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [value for value in range(256) if value not in printable]
    letters = {value: chr(value) for value in printable}
    letters.update({value: chr(256 + index) for index, value in enumerate(others)})
    return letters


LETTERS = byte_letters()


def words_of(text):
    counts = collections.Counter(re.findall(r"'(?:[stmd]|re|ve|ll)| ?[^\W\d_]+| ?\d+| ?[^\s\w]+|\s+", text))
    return {tuple(LETTERS[value] for value in word.encode()): count for word, count in counts.items()}


def train(text, count):
    words, merges = words_of(text), []
    while len(merges) < count:
        pairs = collections.Counter()
        for word, often in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += often
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = collections.Counter({merged(word, best): often for word, often in words.items()})
    return merges


def merged(word, pair):
    if pair[0] not in word:
        return word
    parts, index = [], 0
    while index < len(word):
        if word[index:index + 2] == pair:
            parts.append(pair[0] + pair[1])
            index += 2
        else:
            parts.append(word[index])
            index += 1
    return tuple(parts)


def tokenizer_json(vocabulary, merges, special):
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [
            {"id": vocabulary[word], "content": word, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True} for word in special],
        "normalizer": None, "pre_tokenizer": level, "post_processor": level, "decoder": level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": vocabulary, "merges": [list(pair) for pair in merges]},
    }


def in_order(special, merges):
    words = special + sorted(LETTERS.values()) + [left + right for left, right in merges]
    return {word: number for number, word in enumerate(dict.fromkeys(words))}


def scattered(merges, special):
    merges = with_other_ways(merges, 12)
    words = list(in_order(special, merges))
    ids = random.Random(5).sample(range(3 * len(words)), len(words))
    return dict(zip(words, ids)), merges


def with_other_ways(merges, count):
    """Adds merges that make tokens which others make too, each as early as its parts allow."""
    merges = list(merges)
    for word in [left + right for left, right in merges]:
        for cut in range(1, len(word)):
            pair = word[:cut], word[cut:]
            made = [left + right for left, right in merges]
            if count > 0 and pair not in merges and all(len(part) == 1 or part in made for part in pair):
                count -= 1
                merges.insert(1 + max(made.index(part) if part in made else -1 for part in pair), pair)
    return merges


def write(name, value):
    path = TARGET / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), encoding="utf-8")


def merges_txt(merges):
    return "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in merges)


def ids_by_hugging_face(modules, tokenizer):
    shutil.copy(HERE / "encode.mjs", modules)
    done = subprocess.run(
        ["node", "encode.mjs"], cwd=modules, check=True, capture_output=True,
        input=json.dumps({"tokenizer": tokenizer, "texts": STRINGS}).encode())
    return json.loads(done.stdout)


def main():
    modules = sys.argv[1]
    text = (GOLDENS / "tinyshakespeare.txt").read_text()[:120_000] + 40 * FOREIGN
    merges, ids = train(text, MERGES), {}

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary = in_order(special, merges)
    write("roberta/vocab.json", vocabulary)
    write("roberta/merges.txt", merges_txt(merges))
    ids["roberta"] = ids_by_hugging_face(modules, tokenizer_json(vocabulary, merges, special))

    vocabulary = in_order(["<|endoftext|>"], merges)
    write("trained/tokenizer.json", tokenizer_json(vocabulary, merges, ["<|endoftext|>"]))
    ids["trained"] = ids_by_hugging_face(modules, tokenizer_json(vocabulary, merges, ["<|endoftext|>"]))

    vocabulary, more = scattered(merges, ["[END]", "[PAD]"])
    write("scattered/vocab.json", vocabulary)
    write("scattered/merges.txt", merges_txt(more))
    write("scattered/tokenizer_config.json", {"eos_token": {"content": "[END]"}, "model_max_length": 64})
    ids["scattered"] = ids_by_hugging_face(modules, tokenizer_json(vocabulary, more, ["[END]", "[PAD]"]))
    write("ids.json", {
        name: [{"text": text, "ids": row} for text, row in zip(STRINGS, rows)] for name, rows in ids.items()})


main()
