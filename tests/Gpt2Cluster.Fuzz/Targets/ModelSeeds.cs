using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.Gguf;
using Gpt2Cluster.Data.Models.Safetensors;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Fuzz.Mutations;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>Sound files of the kinds that models come in.</summary>
internal static class ModelSeeds
{
    /// <summary>A vocabulary's file of more bytes is made of GPT-2's, a shorter one is not.</summary>
    public const int LargeVocabularyBytes = 100_000;

    /// <summary>Tensors as safetensors, small, of three types; and PEFT's own file.</summary>
    public static IReadOnlyList<Seed> Safetensors()
    {
        var adapter = SourceSeeds.Golden("lora/adapter/adapter_model.safetensors");
        var head = sizeof(ulong) + (int)BinaryPrimitives.ReadUInt64LittleEndian(adapter);
        return [Small(WeightType.Float32), Small(WeightType.Float16), Small(WeightType.BFloat16), new(adapter, head)];

        static Seed Small(WeightType type)
        {
            using var file = new MemoryStream();
            (string Name, IReadOnlyList<int> Dimensions)[] tensors = [("a", [2, 3]), ("b.weight", []), ("c", [0])];
            var writer = new SafetensorsWriter(file, tensors, type, new Dictionary<string, string> { ["k"] = "v" });
            writer.Write([1, 2, 3, 4, 5, 6, 7]);
            writer.Complete();
            return new Seed(file.ToArray());
        }
    }

    /// <summary>Which tensor is in which of the files a.safetensors and b.safetensors.</summary>
    public static IReadOnlyList<Seed> ShardIndex() =>
    [
        SourceSeeds.Text("{\"metadata\":{\"total_size\":28},\"weight_map\":{\"a\":\"a.safetensors\","
            + "\"b.weight\":\"a.safetensors\",\"c\":\"b.safetensors\"}}"),
    ];

    /// <summary>Indices of TensorFlow's checkpoints.</summary>
    public static IReadOnlyList<Seed> TensorBundle() =>
    [
        new(SourceSeeds.Golden("openai-layout/model.ckpt.index")),
        new(SourceSeeds.Golden("tensor-bundle/saved_model_half_plus_two_mkl.index")),
        new(SourceSeeds.Golden("tensor-bundle/saved_model_half_plus_two_tf2_cpu.index")),
    ];

    /// <summary>Blocks of Snappy.</summary>
    public static IReadOnlyList<Seed> Snappy()
    {
        var names = Enumerable.Range(0, 40).SelectMany(i => Encoding.UTF8.GetBytes($"model/h{i}/attn/c_attn/w"));
        byte[] zeros = new byte[3000];
        byte[] noEntries = [0, 0, 0, 0, 1, 0, 0, 0];
        byte[][] blocks = [noEntries, [.. names], zeros];
        return [.. blocks.Select(block => new Seed(Snappier.Snappy.CompressToArray(block)))];
    }

    /// <summary>Files of torch.save in both forms.</summary>
    public static IReadOnlyList<Seed> Torch() =>
    [
        new(SourceSeeds.Golden("pytorch/views.bin")), new(SourceSeeds.Golden("pytorch/runs.bin")),
        new ArchiveSeed(SourceSeeds.Golden("pytorch/views.bin")), new(OlderTorchFile()),
    ];

    /// <summary>Pickles of tensors.</summary>
    public static IReadOnlyList<Seed> Pickle()
    {
        using var archive = new ZipArchive(new MemoryStream(SourceSeeds.Golden("pytorch/views.bin")));
        using var pickle = archive.GetEntry("archive/data.pkl")!.Open();
        using var content = new MemoryStream();
        pickle.CopyTo(content);
        return [new(content.ToArray()), new(Root())];
    }

    /// <summary>Hugging Face's tokenizers: one in a few words, and a sound one.</summary>
    public static IReadOnlyList<Seed> Tokenizer() =>
    [
        SourceSeeds.Text("""
            {"version":"1.0","added_tokens":[{"id":4,"content":"<|endoftext|>","special":true}],"normalizer":null,
            "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":true},
            "model":{"type":"BPE","dropout":null,"unk_token":null,"byte_fallback":false,
            "vocab":{"a":0,"b":1,"ab":2,"\u0120":3},"merges":["a b",["ab","a"]]}}
            """),
        SourceSeeds.Text(SmallVocabulary.Tokenizer),
    ];

    /// <summary>Tokens of vocab.json: a few, sound small ones, and GPT-2's, of which the beginning is struck.</summary>
    public static IReadOnlyList<Seed> Tokens()
    {
        using var builtIn = Gpt2Vocabulary.OpenBuiltIn("vocab.json");
        using var whole = new MemoryStream();
        builtIn.CopyTo(whole);
        var few = SourceSeeds.Text("{\"!\": 0, \"\\\"\": 1, \"\\u0120the\": 262, \"<|endoftext|>\": 50256}");
        var small = new Seed(SmallVocabulary.Tokens);
        return [.. Enumerable.Repeat(few, 127), .. Enumerable.Repeat(small, 128), new(whole.ToArray(), 2000)];
    }

    /// <summary>The merges of merges.txt: a few that the vocabulary lacks, and all that it has.</summary>
    public static IReadOnlyList<Seed> Merges() =>
    [
        SourceSeeds.Text("#version: 0.2\n\u0120 t\n\u0120 a\nh e\ni n\nr e\no n\n\u0120t he\n"),
        new(SmallVocabulary.MergesFile),
    ];

    /// <summary>What a GGUF file begins with.</summary>
    public static IReadOnlyList<Seed> Gguf()
    {
        var file = new MemoryStream();
        var writer = new GgufWriter();
        writer.Add("general.architecture", "gpt2");
        writer.Add("gpt2.context_length", 64u);
        writer.Add("gpt2.attention.layer_norm_epsilon", 1e-5f);
        writer.Add("tokenizer.ggml.add_bos_token", false);
        writer.Add("tokenizer.ggml.tokens", ["a", "b", "ab"]);
        writer.Add(Core.Provenance.Origin.MetadataKey, RecordSeeds.OriginJson);
        writer.WriteHead(file);
        return [new(file.ToArray())];
    }

    // The form of before PyTorch 1.6, by hand: see Data's reader of it.
    private static byte[] OlderTorchFile() =>
    [
        0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.',
        0x80, 2, (byte)'M', 0xe9, 0x03, (byte)'.',
        0x80, 2, (byte)'}', (byte)'(', .. Word("protocol_version"), (byte)'M', 0xe9, 0x03,
        .. Word("little_endian"), 0x88, (byte)'u', (byte)'.',
        .. Root(),
        0x80, 2, (byte)']', .. Word("0"), (byte)'a', (byte)'.',
        6, 0, 0, 0, 0, 0, 0, 0, .. new byte[24],
    ];

    private static byte[] Root() =>
    [
        0x80, 2, (byte)'}', (byte)'q', 0, .. Word("w"), .. "ctorch._utils\n_rebuild_tensor_v2\n"u8, (byte)'(',
        (byte)'(', .. Word("storage"), .. "ctorch\nFloatStorage\n"u8, .. Word("0"), .. Word("cpu"), (byte)'K', 6,
        (byte)'N', (byte)'t', (byte)'Q', (byte)'K', 0, (byte)'K', 2, (byte)'K', 3, 0x86, (byte)'K', 3, (byte)'K', 1,
        0x86, 0x89, .. "ccollections\nOrderedDict\n)Rt"u8, (byte)'R', (byte)'s', (byte)'.',
    ];

    private static byte[] Word(string text) =>
        [(byte)'X', .. BitConverter.GetBytes(text.Length), .. Encoding.UTF8.GetBytes(text)];
}
