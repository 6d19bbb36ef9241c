using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.OpenAi;
using Gpt2Cluster.Data.Models.Peft;
using Gpt2Cluster.Data.Models.PyTorch;
using Gpt2Cluster.Data.Models.Safetensors;
using Gpt2Cluster.Data.Models.TensorBundle;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Fuzz.Targets;

/// <summary>The parsers of models' files.</summary>
internal static class ModelTargets
{
    // Elements of one tensor that are read: sizes of small files may be claimed for large ones.
    private const long MostElements = 1 << 16;

    private static readonly ModelShape GoldenShape = new(512, 64, 32, 2, 2);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ParserTarget> All { get; } =
    [
        new("safetensors", Owner.Ours, ModelSeeds.Safetensors, scratch => input =>
            Drain(SafetensorsFile.Open(scratch.Write("m.safetensors", input))))
        {
            Words = [.. Vocabularies.Json, "dtype", "shape", "data_offsets", "__metadata__", "F32", "BF16", "I64"],
            FileName = "m.safetensors",
        },
        new("safetensors-index", Owner.Ours, ModelSeeds.ShardIndex, ReadShards)
        {
            Words = [.. Vocabularies.Json, "weight_map", "a.safetensors", "b.safetensors", "../", "/", "\\"],
        },
        new("tensor-bundle", Owner.Ours, ModelSeeds.TensorBundle, ReadBundle)
        {
            Repair = TableChecksums.Repair,
            FileName = "m.",
        },
        new("snappy", Owner.Ours, ModelSeeds.Snappy, _ => input => ParserTargets.Sentence(() => ReadPacked(input))),
        new("torch", Owner.Ours, ModelSeeds.Torch, scratch => input =>
            Drain(TorchFile.Open(scratch.Write("m.bin", input))))
        {
            FileName = "m.bin",
        },
        new("pickle", Owner.Ours, ModelSeeds.Pickle, _ => input => ParserTargets.Sentence(() => ReadPickle(input)))
        {
            Words = ["ctorch\nFloatStorage\n", "ctorch._utils\n_rebuild_tensor_v2\n", "ccollections\nOrderedDict\n",
                "(", "t", "R", "Q", ".", "]", "}", "q\0", "h\0", "\u0002"],
        },
        new("config", Owner.Ours, () => [new(SourceSeeds.Golden("numerics/config.json"))], scratch => input =>
            ModelConfiguration.Read(scratch.Write("config.json", input)))
        {
            Words = [.. Vocabularies.Json, "n_ctx", "n_positions", "n_embd", "n_head", "vocab_size", "gpt2", "n_inner"],
            FileName = "config.json",
        },
        new("hparams", Owner.Ours, () => [new(SourceSeeds.Golden("openai-layout/hparams.json"))], scratch => input =>
        {
            scratch.Write(HyperParameters.FileName, input);
            HyperParameters.Find(scratch.Folder);
        })
        {
            Words = [.. Vocabularies.Json, "n_vocab", "n_ctx", "n_embd", "n_head", "n_layer"],
            FileName = "hparams.json",
        },
        new("checkpoint-state", Owner.Ours, () => [new(SourceSeeds.Golden("openai-layout/checkpoint"))], ReadState)
        {
            Words = [.. Vocabularies.Lines, "model_checkpoint_path: \"", "model.ckpt", "all_"],
        },
        new("tokenizer", Owner.Ours, ModelSeeds.Tokenizer, scratch => input => ReadTokenizer(scratch, input))
        {
            Words = [.. Vocabularies.Json, "vocab", "merges", "model", "BPE", "ByteLevel", "added_tokens", "content"],
            FileName = "tokenizer.json",
        },
        new("vocab", Owner.Ours, ModelSeeds.Tokens, _ => input =>
            ReadVocabulary(new MemoryStream(input), MergesFor(input)))
        {
            Words = [.. Vocabularies.Json, "<|endoftext|>", "50256", "\\u0120"],
        },
        new("merges", Owner.Ours, ModelSeeds.Merges, _ => input =>
            ReadVocabulary(new MemoryStream(SmallVocabulary.Tokens), new MemoryStream(input)))
        {
            Words = Vocabularies.Lines,
        },
        new("adapter-config", Owner.Ours, () => [new(SourceSeeds.Golden("lora/adapter/adapter_config.json"))],
            ReadAdapter)
        {
            Words = [.. Vocabularies.Json, "LORA", "target_modules", "c_attn", "c_fc", "r", "lora_alpha", "none"],
            FileName = "adapter_",
        },
        new("gguf-provenance", Owner.Ours, ModelSeeds.Gguf, scratch => input =>
            OriginReader.Read(scratch.Write("m.gguf", input))?.Chain().Count()),
        new("safetensors-provenance", Owner.Ours, ModelSeeds.Safetensors, scratch => input =>
            OriginReader.Read(scratch.Write("m.safetensors", input))?.Chain().Count())
        {
            Words = [.. Vocabularies.Json, "__metadata__", Core.Provenance.Origin.MetadataKey],
        },
    ];

    private static void Drain(IModelWeights weights)
    {
        using (weights)
        {
            foreach (var tensor in weights.Tensors)
            {
                if (tensor.IsReadable && tensor.Length <= MostElements)
                    weights.ReadRange(tensor.Name, 0, new float[tensor.Length]);
            }
        }
    }

    private static Reading ReadShards(Scratch scratch)
    {
        foreach (var name in new[] { "a.safetensors", "b.safetensors" })
            scratch.Write(name, ModelSeeds.Safetensors()[0].Bytes);
        return input => Drain(ShardedWeights.Open(
            scratch.Write("model.safetensors.index.json", input), SafetensorsFile.Open));
    }

    private static Reading ReadBundle(Scratch scratch)
    {
        scratch.Write("m.data-00000-of-00001", SourceSeeds.Golden("openai-layout/model.ckpt.data-00000-of-00001"));
        return input =>
        {
            scratch.Write("m.index", input);
            Drain(BundleWeights.Open(scratch.File("m")));
        };
    }

    /// <summary>A table whose index block is the input, packed.</summary>
    private static void ReadPacked(byte[] input)
    {
        byte[] block = [.. input, 1, .. BitConverter.GetBytes(Crc32C.Masked([.. input, 1]))];
        byte[] handle = [0, 0, 0, .. Varint(input.Length)];
        SortedTable.Read(
            [.. block, .. handle, .. new byte[40 - handle.Length], .. BitConverter.GetBytes(0xdb4775248b80fb57)]);

        static byte[] Varint(int value) =>
            [(byte)(value | 0x80), (byte)((value >> 7) | 0x80), (byte)((value >> 14) | 0x80), (byte)(value >> 21)];
    }

    private static void ReadPickle(byte[] input)
    {
        var position = 0;
        PickleReader.Read(input, ref position, TensorGlobals.Storage);
    }

    private static Reading ReadState(Scratch scratch)
    {
        scratch.Write("hparams.json", SourceSeeds.Golden("openai-layout/hparams.json"));
        foreach (var name in new[] { "model.ckpt.index", "model.ckpt.data-00000-of-00001" })
            scratch.Write(name, SourceSeeds.Golden("openai-layout/" + name));
        return input =>
        {
            scratch.Write("checkpoint", input);
            OpenAiFolder.Open(scratch.Folder).Dispose();
        };
    }

    private static void ReadTokenizer(Scratch scratch, byte[] input)
    {
        TokenizerFile.Read(scratch.Write(TokenizerFile.FileName, input), default);
    }

    /// <summary>Both files of a vocabulary.</summary>
    private static void ReadVocabulary(Stream tokens, Stream merges)
    {
        using (tokens)
        using (merges)
            Gpt2Vocabulary.Read(tokens, merges, default, "the folder");
    }

    private static Stream MergesFor(byte[] tokens) => tokens.Length > ModelSeeds.LargeVocabularyBytes
        ? Gpt2Vocabulary.OpenBuiltIn("merges.txt")
        : new MemoryStream(SmallVocabulary.MergesFile);

    private static Reading ReadAdapter(Scratch scratch)
    {
        scratch.Write(PeftAdapter.WeightsFileName, SourceSeeds.Golden("lora/adapter/adapter_model.safetensors"));
        return input =>
        {
            scratch.Write(PeftAdapter.ConfigurationFileName, input);
            PeftAdapter.Read(scratch.Folder, GoldenShape);
        };
    }
}
