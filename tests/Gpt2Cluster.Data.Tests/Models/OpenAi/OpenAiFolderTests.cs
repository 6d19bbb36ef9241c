using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.OpenAi;
using Gpt2Cluster.Data.Tests.Models.TensorBundle;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Data.Uploads;

namespace Gpt2Cluster.Data.Tests.Models.OpenAi;

public sealed class OpenAiFolderTests : IDisposable
{
    private static readonly ModelShape Small = new(11, 6, 4, 2, 2);
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Every_tensor_is_the_one_that_Hugging_Faces_layout_has()
    {
        using var model = ModelFormats.Open(Golden.Path("openai-layout"));
        using var expected = ModelFolder.Open(Golden.Path("numerics"));
        Assert.IsType<OpenAiFolder>(model);
        Assert.Equal(expected.Shape, model.Shape);
        Assert.Equal(ReadAll(expected), ReadAll(model));
        Assert.Same(Gpt2Vocabulary.BuiltIn, model.ReadVocabulary());
    }

    [Fact]
    public void In_the_store_it_is_the_file_that_the_writer_makes()
    {
        var models = new ModelDirectory(folder.File("models"));
        var stored = models.Import(Golden.Path("openai-layout"), "small");
        using var expected = ModelFolder.Open(Golden.Path("numerics"));
        ModelFolderWriter.Write(folder.File("written"), expected.Layout, expected.ReadParameters);
        foreach (var name in new[] { "config.json", "model.safetensors" })
        {
            Assert.Equal(
                File.ReadAllBytes(Path.Combine(folder.File("written"), name)),
                File.ReadAllBytes(Path.Combine(stored.Path, name)));
        }

        Assert.Equal(32, stored.Shape!.Width);
    }

    [Fact]
    public void Sent_to_a_cluster_it_arrives_as_the_store_has_it()
    {
        using var model = ModelFormats.Open(Golden.Path("openai-layout"));
        var told = new Last();
        using var archive = new MemoryStream();
        var origin = StoredOrigin.AsFile(StoredOrigin.OfBrought(model, "small", new OriginClaim()));
        ModelUpload.Write([.. model.Files, origin], archive, told);
        archive.Position = 0;
        Directory.CreateDirectory(folder.File("arrived"));
        ModelUpload.Read(archive, folder.File("arrived"));
        StoredOrigin.Seal(folder.File("arrived"));
        var stored = new ModelDirectory(folder.File("models")).Import(Golden.Path("openai-layout"), "small");
        foreach (var path in Directory.GetFiles(stored.Path))
        {
            var arrived = Path.Combine(folder.File("arrived"), Path.GetFileName(path));
            Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(arrived));
        }

        Assert.Equal(model.Files.Sum(file => file.Bytes) + origin.Bytes, told.Value);
        Assert.Equal(3, Directory.GetFiles(folder.File("arrived")).Length);
    }

    [Fact]
    public void Its_vocabulary_comes_along_under_the_stores_names()
    {
        Write(Small);
        foreach (var (own, built) in new[] { ("encoder.json", "vocab.json"), ("vocab.bpe", "merges.txt") })
        {
            using var from = Gpt2Vocabulary.OpenBuiltIn(built);
            using var to = File.Create(folder.File(own));
            from.CopyTo(to);
        }

        using var model = ModelFormats.Open(folder.Path);
        Assert.Same(Gpt2Vocabulary.BuiltIn, model.ReadVocabulary());
        Assert.Equal(
            ["config.json", "model.safetensors", "vocab.json", "merges.txt"], model.Files.Select(file => file.Name));
        using var merges = model.Files[3].Open();
        Assert.Equal(new FileInfo(folder.File("vocab.bpe")).Length, merges.Length);
        File.WriteAllText(folder.File("vocab.bpe"), "nonsense");
        Assert.Throws<UserErrorException>(() => model.ReadVocabulary());
    }

    [Fact]
    public void What_training_left_beside_the_model_is_ignored()
    {
        Write(Small, slices => slices.SelectMany(slice => new[]
        {
            slice, slice with { Name = slice.Name + "/Adam" }, slice with { Name = slice.Name + "/Adam_1" },
        }).Concat(
        [
            new("beta1_power", []), new("beta2_power", []), new("global_step", []), new("Variable_7", [4]),
            new("opt/model/wte", [11, 4]),
        ]));
        folder.Write("counter", "1000\n");
        folder.Write("events.out.tfevents.1", "x");
        using var model = ModelFormats.Open(folder.Path);
        Assert.Equal(Small, model.Shape);
        Assert.Equal(new ParameterLayout(Small).Length, ReadAll(model).Length);
    }

    [Fact]
    public void Missing_misshapen_and_unknown_variables_are_named_at_once()
    {
        Write(Small, slices => slices
            .Where(slice => slice.Name != "model/h1/ln_2/g")
            .Select(slice => slice.Name == "model/wpe" ? slice with { Dimensions = [7, 4] } : slice)
            .Append(new("model/h2/mlp/c_fc/b", [16])));
        var message = Fault();
        Assert.Contains("model/h1/ln_2/g is missing", message);
        Assert.Contains("model/wpe is 7 x 4, not 6 x 4", message);
        Assert.Contains("model/h2/mlp/c_fc/b is unknown", message);
        Assert.Contains("its hparams.json", message);
    }

    [Fact]
    public void Without_hparams_the_shape_of_a_known_size_is_in_the_variables()
    {
        // Twelve blocks of 768 make a large file; what they are named and shaped is looked at first.
        var shape = new ModelShape(50257, 1024, 768, 12, 12);
        var weights = new NamedOnly(new ParameterLayout(shape).Slices.Select(
            slice => new WeightTensor(
                OpenAiNames.Of(slice),
                "DT_FLOAT",
                [.. OpenAiNames.DimensionsOf(slice).Select(size => (long)size)],
                IsReadable: true)));
        Assert.Equal(shape, HyperParameters.Guess(weights));
        Write(Small);
        File.Delete(folder.File("hparams.json"));
        Assert.Contains("2 blocks of width 4", Fault());
        Assert.Contains("put its hparams.json beside it", Fault());
    }

    [Theory]
    [InlineData("\"n_head\": 2", "\"n_head\": 3", "the width (4)")]
    [InlineData("\"n_ctx\": 6, ", "", "n_ctx is missing")]
    [InlineData("\"n_layer\": 2", "\"n_layer\": 3", "model/h2/ln_1/g is missing")]
    [InlineData("{", "", "not valid JSON")]
    public void A_wrong_shape_is_refused_by_name(string from, string to, string expected)
    {
        Write(Small);
        var sound = File.ReadAllText(folder.File("hparams.json"));
        Assert.Contains(from, sound);
        folder.Write("hparams.json", sound.Replace(from, to, StringComparison.Ordinal));
        Assert.Contains(expected, Fault());
    }

    [Fact]
    public void The_checkpoint_that_is_named_is_read_wherever_it_lay()
    {
        Write(Small, name: "model-100");
        Write(Small, slices => slices.Select(slice => slice with { Fill = 2 }), "model-200");
        Assert.Contains("2 checkpoints", Fault());
        folder.Write("checkpoint", "model_checkpoint_path: \"/somewhere/run1/model-200\"\n"
            + "all_model_checkpoint_paths: \"model-100\"\n");
        using var model = ModelFormats.Open(folder.Path);
        Assert.All(ReadAll(model), value => Assert.Equal(2, value));
        folder.Write("checkpoint", "model_checkpoint_path: \"../elsewhere/../../model-300\"\n");
        Assert.Contains("names none of them", Fault());
        File.Delete(folder.File("model-100.index"));
        File.Delete(folder.File("model-200.index"));
        Assert.Contains("model-300.index", Fault());
    }

    private static float[] ReadAll(IModelReader model)
    {
        var all = new float[model.Layout.Length];
        model.ReadParameters(0, all);
        return all;
    }

    private string Fault() => Assert.Throws<UserErrorException>(() => ModelFormats.Open(folder.Path)).Message;

    private void Write(
        ModelShape shape, Func<IEnumerable<Variable>, IEnumerable<Variable>>? choose = null, string name = "model.ckpt")
    {
        var own = new ParameterLayout(shape).Slices.Select(
            slice => new Variable(OpenAiNames.Of(slice), OpenAiNames.DimensionsOf(slice)));
        BundleFiles.Write(folder.File(name), (choose?.Invoke(own) ?? own).Select(variable => (
            variable.Name, variable.Dimensions, Enumerable.Repeat(variable.Fill, variable.Length).ToArray())));
        folder.Write("hparams.json", $"{{\"n_vocab\": {shape.VocabularySize}, \"n_ctx\": {shape.ContextLength}, "
            + $"\"n_embd\": {shape.Width}, \"n_head\": {shape.HeadCount}, \"n_layer\": {shape.LayerCount}}}");
    }

    private sealed class Last : IProgress<long>
    {
        public long Value { get; private set; }

        public void Report(long value) => Value = value;
    }

    private sealed record Variable(string Name, IReadOnlyList<int> Dimensions, float Fill = 1)
    {
        public int Length => Dimensions.Aggregate(1, (product, size) => product * size);
    }

    private sealed class NamedOnly(IEnumerable<WeightTensor> tensors) : IModelWeights
    {
        public string Path => "made";

        public IReadOnlyList<WeightTensor> Tensors { get; } = [.. tensors];

        public WeightTensor? Find(string name) => Tensors.FirstOrDefault(tensor => tensor.Name == name);

        public void ReadRange(string name, long startElement, Span<float> into) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
