using System.Text.Json;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.Gguf;
using Gpt2Cluster.Data.Models.HuggingFace;
using Gpt2Cluster.Data.Models.TensorFlow;
using Gpt2Cluster.Data.Tests.Models.Gguf;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Data.Uploads;

namespace Gpt2Cluster.Data.Tests.Models;

/// <summary>Models whose vocabulary is their own, on their way in and out.</summary>
public sealed class CustomVocabularyModelTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Names => [.. Vocabularies.Names];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void The_store_keeps_the_vocabulary_and_its_end(string name)
    {
        var vocabulary = Write(name);
        var stored = new ModelDirectory(folder.File("models")).Import(folder.File("model"), "own");
        using var model = ModelFolder.Open(stored.Path);
        Assert.Equal(vocabulary.Sha256, model.ReadVocabulary().Sha256);
        Assert.True(model.IsAsStored);
        var configuration = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(stored.Path, "config.json")));
        Assert.Equal(vocabulary.EndOfText, configuration.RootElement.GetProperty("eos_token_id").GetInt32());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_leaves_for_Hugging_Face_comes_back_by_either_form_of_the_vocabulary(string name)
    {
        using var model = Exported(name, out var vocabulary);
        HuggingFaceExport.Write(Out(model), Wish("out"));
        Assert.Equal(vocabulary.Sha256, ModelFolder.ReadVocabulary(folder.File("out")).Sha256);
        File.Delete(folder.File("out/vocab.json"));
        Assert.Equal(vocabulary.Sha256, ModelFolder.ReadVocabulary(folder.File("out")).Sha256);
        var special = JsonDocument.Parse(File.ReadAllBytes(folder.File("out/tokenizer.json"))).RootElement
            .GetProperty("added_tokens").EnumerateArray().Select(token => token.GetProperty("id").GetInt32());
        Assert.Equal(vocabulary.Special.Keys, special);
        foreach (var file in new[] { "config.json", "generation_config.json" })
        {
            var end = JsonDocument.Parse(File.ReadAllBytes(folder.File($"out/{file}"))).RootElement;
            Assert.Equal(vocabulary.EndOfText, end.GetProperty("eos_token_id").GetInt32());
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_GGUF_has_its_tokens_kinds_merges_and_end(string name)
    {
        using var model = Exported(name, out var vocabulary);
        GgufExport.Write(Out(model), Wish("out/m.gguf") with { IsInFolder = true });
        var file = new GgufFile(folder.File("out/m.gguf"));
        var tokens = file.Key<object[]>("tokenizer.ggml.tokens");
        var types = file.Key<object[]>("tokenizer.ggml.token_type");
        Assert.Equal(model.Layout.Shape.VocabularySize, tokens.Length);
        for (var id = 0; id < tokens.Length; id++)
        {
            var word = id < vocabulary.Count ? vocabulary.WordOf(id) : null;
            Assert.Equal(word ?? $"[PAD{id}]", (string)tokens[id]);
            Assert.Equal(word is null ? 5 : vocabulary.IsText(id) ? 1 : 3, (int)types[id]);
        }

        Assert.Equal(
            VocabularyContent.MergeWords(vocabulary), file.Key<object[]>("tokenizer.ggml.merges").Cast<string>());
        Assert.Equal((uint)vocabulary.EndOfText!, file.Key<uint>("tokenizer.ggml.eos_token_id"));
        var stop = vocabulary.WordOf(vocabulary.EndOfText!.Value);
        Assert.Contains($"PARAMETER stop \"{stop}\"\n", File.ReadAllText(folder.File("out/Modelfile")));
    }

    [Fact]
    public void OpenAIs_layout_takes_a_vocabulary_with_its_own_word_for_the_end_only()
    {
        using (var model = Exported("trained", out var vocabulary))
        {
            OpenAiExport.Write(Out(model), Wish("out"));
            using var back = ModelFormats.Open(folder.File("out"));
            Assert.Equal(vocabulary.Sha256, back.ReadVocabulary().Sha256);
        }

        using var other = Exported("roberta", out _);
        var error = Assert.Throws<UserErrorException>(() => OpenAiExport.Write(Out(other), Wish("other")));
        Assert.Contains("the model's vocabulary has </s>", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder.File("other")));
    }

    [Fact]
    public void A_vocabulary_with_too_few_rows_is_not_stored()
    {
        Write("roberta", rows: 600);
        var models = new ModelDirectory(folder.File("models"));
        var error = Assert.Throws<UserErrorException>(() => models.Import(folder.File("model"), "own"));
        Assert.Contains("has 600 tokens, and its vocabulary makes texts of 711", error.Message);
        Assert.Empty(models.List());
    }

    [Fact]
    public void An_upload_brings_its_vocabulary_and_its_numbers_are_checked_against_it()
    {
        var roberta = Vocabularies.Read("roberta");
        using var archive = new MemoryStream();
        var documents = new DatasetUploadWriter(archive, roberta);
        documents.BeginDocument("d");
        documents.Tokens([710, 5]);
        documents.EndArray();
        documents.EndDocument();
        documents.Complete();
        archive.Position = 0;
        Gpt2Vocabulary? came = null;
        using (var tokens = new DatasetTokenizer(Stream.Null, tokenizer: new Gpt2Tokenizer(roberta)))
        {
            DatasetUploadReader.Read(archive, vocabulary =>
            {
                came = vocabulary;
                return tokens;
            });
            Assert.Equal(2, tokens.TokenCount);
        }

        Assert.Equal(roberta.Sha256, came!.Sha256);
        archive.Position = 0;
        using var other = new DatasetTokenizer(
            Stream.Null, tokenizer: new Gpt2Tokenizer(Vocabularies.Read("trained")));
        var error = Assert.Throws<UserErrorException>(() => DatasetUploadReader.Read(archive, _ => other));
        Assert.Contains("the token 710, and the vocabulary's are 0 to 706", error.Message);
    }

    private Gpt2Vocabulary Write(string name, int? rows = null)
    {
        var vocabulary = Vocabularies.Read(name);
        var shape = new ModelShape(rows ?? (vocabulary.Count + 5), 16, 32, 2, 1);
        ModelFolderWriter.Write(folder.File("model"), new ParameterLayout(shape), (_, into) => into.Fill(0.5f));
        foreach (var file in ModelFolder.VocabularyFileNames)
            File.Delete(folder.File($"model/{file}"));
        Vocabularies.CopyTo(name, folder, "model");
        return vocabulary;
    }

    private ModelFolder Exported(string name, out Gpt2Vocabulary vocabulary)
    {
        if (Directory.Exists(folder.File("model")))
            Directory.Delete(folder.File("model"), recursive: true);
        vocabulary = Write(name);
        return ModelFolder.Open(folder.File("model"));
    }

    private static ExportedModel Out(ModelFolder model) =>
        new(model, model.ReadVocabulary(), Models.Exports.Exported.Origin);

    private ExportRequest Wish(string name) => new(folder.File(name), WeightType.Float32, Overwrites: false);
}
