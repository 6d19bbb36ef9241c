using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.Safetensors;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Models.HuggingFace;

public sealed class HuggingFaceFormatTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("transformer.")]
    public void Shards_are_the_model_that_one_file_is(string prefix)
    {
        WriteShards(prefix);
        using var model = ModelFormats.Open(folder.File("shards"));
        Assert.Equal(Expected(), ReadAll(model));
        var stored = new ModelDirectory(folder.File("models")).Import(folder.File("shards"), "one");
        Assert.Equal(
            ["config.json", "model.safetensors", "provenance.json"],
            Directory.GetFiles(stored.Path).Select(Path.GetFileName).Order());
        using var copy = ModelFolder.Open(stored.Path);
        Assert.Equal(Expected(), ReadAll(copy));
        Assert.Equal(stored.WeightsBytes, model.Files.First(file => file.Name == "model.safetensors").Bytes);
    }

    [Theory]
    [InlineData("ln_1.bias\":\"b.safetensors\"", "ln_1.bias\":\"a.safetensors\"", "is not in a.safetensors")]
    [InlineData("\"wte.weight\":\"a.safetensors\"", "\"wte.weight\":\"c.safetensors\"", "c.safetensors")]
    [InlineData("\"wte.weight\":\"a.safetensors\"", "\"wte.weight\":\"../a.safetensors\"", "no name of a file")]
    [InlineData("\"wte.weight\":\"a.safetensors\"", "\"wte.weight\":7", "the file 7 of wte.weight")]
    [InlineData("\"wte.weight\":\"a.safetensors\",", "", "wte.weight is missing")]
    [InlineData("weight_map", "weights", "no weight_map")]
    [InlineData("{", "", "not valid JSON")]
    public void A_wrong_index_is_refused_by_name(string from, string to, string expected)
    {
        WriteShards("");
        var index = folder.File("shards/model.safetensors.index.json");
        var sound = File.ReadAllText(index);
        Assert.Contains(from, sound);
        File.WriteAllText(index, sound.Replace(from, to, StringComparison.Ordinal));
        Assert.Contains(expected, Fault("shards"));
    }

    [Theory]
    [InlineData("F16")]
    [InlineData("BF16")]
    public void Halves_stay_halves_in_the_store(string type)
    {
        WriteHalves(type);
        using var model = ModelFormats.Open(folder.File("half"));
        Assert.All(ReadAll(model), value => Assert.Equal(1.5f, value));
        var stored = new ModelDirectory(folder.File("models")).Import(folder.File("half"), "half");
        Assert.Equal(
            File.ReadAllBytes(folder.File("half/model.safetensors")),
            File.ReadAllBytes(Path.Combine(stored.Path, "model.safetensors")));
    }

    [Fact]
    public void A_head_alone_is_the_token_embedding()
    {
        WriteModel("head", tensor => tensor == "wte.weight" ? "lm_head.weight" : "transformer." + tensor);
        using var model = ModelFormats.Open(folder.File("head"));
        Assert.Equal(Expected(), ReadAll(model));
    }

    [Fact]
    public void The_embedding_says_how_many_tokens_there_are()
    {
        WriteModel("padded", name => name, extraRows: 64);
        using var model = ModelFormats.Open(folder.File("padded"));
        Assert.Equal(576, model.Shape.VocabularySize);
        var stored = new ModelDirectory(folder.File("models")).Import(folder.File("padded"), "padded");
        Assert.Equal(model.Shape, stored.Shape);
        using var copy = ModelFolder.Open(stored.Path);
        Assert.Equal(ReadAll(model), ReadAll(copy));
    }

    [Fact]
    public void A_folder_of_the_hubs_cache_is_read_through_its_links()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a right there");
        Directory.CreateDirectory(folder.File("models--a--b/snapshots/0f00"));
        folder.Write("models--a--b/refs/main", "0f00");
        foreach (var name in new[] { "config.json", "model.safetensors" })
        {
            folder.Write($"models--a--b/blobs/{name}-hash", File.ReadAllBytes(Golden.Path("numerics/" + name)));
            File.CreateSymbolicLink(
                folder.File($"models--a--b/snapshots/0f00/{name}"), $"../../blobs/{name}-hash");
        }

        foreach (var path in new[] { "models--a--b", "models--a--b/snapshots/0f00" })
        {
            using var model = ModelFormats.Open(folder.File(path));
            Assert.Equal(Expected(), ReadAll(model));
        }

        var stored = new ModelDirectory(folder.File("models")).Import(folder.File("models--a--b"), "copy");
        Assert.Null(new FileInfo(Path.Combine(stored.Path, "model.safetensors")).LinkTarget);
        File.Delete(folder.File("models--a--b/blobs/model.safetensors-hash"));
        Assert.Contains("is a link to ../../blobs/model.safetensors-hash", Fault("models--a--b"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_tokenizer_alone_gives_its_vocabulary_and_merges(bool asPairs)
    {
        WriteModel("words", name => name);
        folder.Write("words/tokenizer.json", Tokenizer(asPairs, (_, _) => { }));
        using var model = ModelFormats.Open(folder.File("words"));
        var vocabulary = model.ReadVocabulary();
        Assert.Same(Gpt2Vocabulary.BuiltIn, vocabulary);
        var stored = new ModelDirectory(folder.File("models")).Import(folder.File("words"), "words");
        using var merges = new StreamReader(Gpt2Vocabulary.OpenBuiltIn("merges.txt"));
        Assert.Equal(merges.ReadToEnd(), File.ReadAllText(Path.Combine(stored.Path, "merges.txt")));
        Assert.True(Gpt2Vocabulary.IsIn(stored.Path));
    }

    [Theory]
    [InlineData("model", "type", "\"WordPiece\"", "model.type is \"WordPiece\"")]
    [InlineData("model", "byte_fallback", "true", "model.byte_fallback is true")]
    [InlineData("model", "vocab", "[]", "vocab is missing or no object")]
    [InlineData("model", "merges", "[[\"a\"]]", "[\"a\"] in model.merges")]
    [InlineData("pre_tokenizer", "type", "\"Whitespace\"", "pre_tokenizer.type is \"Whitespace\"")]
    [InlineData("pre_tokenizer", "add_prefix_space", "true", "pre_tokenizer.add_prefix_space is true")]
    [InlineData("", "normalizer", "{\"type\":\"NFC\"}", "normalizer is {\"type\":\"NFC\"}")]
    [InlineData("", "pre_tokenizer", "null", "pre_tokenizer is missing or no object")]
    public void Another_tokenizer_is_refused_in_one_sentence(string owner, string field, string value, string expected)
    {
        WriteModel("words", name => name);
        folder.Write("words/tokenizer.json", Tokenizer(false, (root, model) =>
        {
            var changed = owner switch
            {
                "model" => model,
                "" => root,
                _ => root[owner]!.AsObject(),
            };
            changed[field] = JsonNode.Parse(value);
        }));
        using var model = ModelFormats.Open(folder.File("words"));
        var message = Assert.Throws<UserErrorException>(model.ReadVocabulary).Message;
        Assert.Contains(expected, message);
        Assert.Contains("tokenizer.json", message);
    }

    private static float[] Expected()
    {
        using var model = ModelFolder.Open(Golden.Path("numerics"));
        return ReadAll(model);
    }

    private static float[] ReadAll(IModelReader model)
    {
        var all = new float[model.Layout.Length];
        model.ReadParameters(0, all);
        return all;
    }

    private static string Tokenizer(bool asPairs, Action<JsonObject, JsonObject> change)
    {
        using var tokens = Gpt2Vocabulary.OpenBuiltIn("vocab.json");
        using var merges = new StreamReader(Gpt2Vocabulary.OpenBuiltIn("merges.txt"));
        var vocabulary = JsonNode.Parse(tokens)!.AsObject();
        vocabulary.Remove("<|endoftext|>");
        var lines = merges.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1);
        var model = new JsonObject
        {
            ["type"] = "BPE",
            ["dropout"] = null,
            ["continuing_subword_prefix"] = "",
            ["byte_fallback"] = false,
            ["vocab"] = vocabulary,
            ["merges"] = new JsonArray([.. lines.Select(line => asPairs
                ? (JsonNode)new JsonArray([.. line.Split(' ').Select(part => JsonValue.Create(part))])
                : JsonValue.Create(line))]),
        };
        var root = new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray(new JsonObject { ["id"] = 50256, ["content"] = "<|endoftext|>" }),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "ByteLevel",
                ["add_prefix_space"] = false,
                ["trim_offsets"] = true,
                ["use_regex"] = true,
            },
            ["model"] = model,
        };
        change(root, model);
        return root.ToJsonString();
    }

    private string Fault(string name) =>
        Assert.Throws<UserErrorException>(() => ModelFormats.Open(folder.File(name))).Message;

    private void WriteShards(string prefix)
    {
        using var model = ModelFolder.Open(Golden.Path("numerics"));
        folder.Write("shards/config.json", File.ReadAllBytes(Golden.Path("numerics/config.json")));
        var slices = model.Layout.Slices.OrderByDescending(slice => slice.Name, StringComparer.Ordinal).ToList();
        var half = slices.Count / 2;
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, part) in new[] { ("a.safetensors", slices[..half]), ("b.safetensors", slices[half..]) })
        {
            WriteTensors(folder.File("shards/" + name), model, part, slice => prefix + slice.Name, 0);
            part.ForEach(slice => map.Add(prefix + slice.Name, name));
        }

        folder.Write("shards/model.safetensors.index.json", JsonSerializer.Serialize(
            new { metadata = new { total_size = 4 * model.Layout.Length }, weight_map = map }));
    }

    private void WriteModel(string name, Func<string, string> nameOf, int extraRows = 0)
    {
        using var model = ModelFolder.Open(Golden.Path("numerics"));
        folder.Write(name + "/config.json", File.ReadAllBytes(Golden.Path("numerics/config.json")));
        WriteTensors(
            folder.File(name + "/model.safetensors"),
            model,
            model.Layout.Slices,
            slice => nameOf(slice.Name),
            extraRows);
    }

    private static void WriteTensors(
        string path, ModelFolder model, IReadOnlyList<ParameterSlice> slices, Func<ParameterSlice, string> nameOf,
        int extraRows)
    {
        using var output = File.Create(path);
        var writer = new SafetensorsWriter(output, slices.Select(slice => (nameOf(slice), Dimensions(slice))));
        foreach (var slice in slices)
        {
            var values = new float[Dimensions(slice).Aggregate(1, (product, size) => product * size)];
            model.ReadParameters(slice.Start, values.AsSpan(0, (int)slice.Length));
            writer.Write(values);
        }

        writer.Complete();

        IReadOnlyList<int> Dimensions(ParameterSlice slice) => slice.Name == "wte.weight"
            ? [slice.Dimensions[0] + extraRows, slice.Dimensions[1]]
            : slice.Dimensions;
    }

    private void WriteHalves(string type)
    {
        var bits = type == "F16" ? BitConverter.HalfToUInt16Bits((Half)1.5) : (ushort)0x3fc0;
        var layout = new ParameterLayout(new ModelShape(512, 64, 32, 2, 2));
        var header = JsonSerializer.SerializeToUtf8Bytes(layout.Slices.ToDictionary(slice => slice.Name, slice => new
        {
            dtype = type,
            shape = slice.Dimensions,
            data_offsets = new[] { 2 * slice.Start, 2 * slice.End },
        }));
        var data = Enumerable.Repeat(bits, (int)layout.Length).ToArray();
        folder.Write("half/config.json", File.ReadAllBytes(Golden.Path("numerics/config.json")));
        folder.Write("half/model.safetensors",
            [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. MemoryMarshal.AsBytes(data.AsSpan())]);
    }
}
