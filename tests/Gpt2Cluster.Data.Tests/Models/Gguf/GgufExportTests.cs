using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Provenance;
using Gpt2Cluster.Data.Models.Exports;
using Gpt2Cluster.Data.Models.Gguf;
using Gpt2Cluster.Data.Tests.Models.Exports;

namespace Gpt2Cluster.Data.Tests.Models.Gguf;

/// <summary>The files through a second reader; llama.cpp itself reads one among the longer tests.</summary>
public sealed class GgufExportTests : IDisposable
{
    private const uint Float32 = 0, Float16 = 1, Q8 = 8;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Weights_are_there_under_llama_cpps_names_and_transposed()
    {
        var model = Exported.Golden();
        var file = Export(model, WeightType.Float32);
        Assert.Equal(4 + (12 * model.Shape.LayerCount), file.Names.Count());
        var all = Exported.All(model.Weights);
        var layout = model.Weights.Layout;
        Assert.Equal(Part("wte.weight"), file.Read("token_embd.weight"));
        Assert.Equal(Part("wpe.weight"), file.Read("position_embd.weight"));
        Assert.Equal(Part("ln_f.bias"), file.Read("output_norm.bias"));
        Assert.Equal(Part("h.1.attn.c_attn.bias"), file.Read("blk.1.attn_qkv.bias"));
        foreach (var (ours, theirs) in new[]
        {
            ("attn.c_attn", "attn_qkv"), ("attn.c_proj", "attn_output"), ("mlp.c_fc", "ffn_up"),
            ("mlp.c_proj", "ffn_down"),
        })
        {
            var slice = layout[$"h.1.{ours}.weight"];
            var (inputs, outputs) = (slice.Dimensions[0], slice.Dimensions[1]);
            Assert.Equal([(ulong)inputs, (ulong)outputs], file.Dimensions($"blk.1.{theirs}.weight"));
            var (was, now) = (Part(slice.Name), file.Read($"blk.1.{theirs}.weight"));
            for (var input = 0; input < inputs; input++)
            {
                for (var output = 0; output < outputs; output++)
                    Assert.Equal(was[(input * outputs) + output], now[(output * inputs) + input]);
            }
        }

        float[] Part(string name) => all[(int)layout[name].Start..(int)layout[name].End];
    }

    [Fact]
    public void Keys_say_what_llama_cpp_asks_for_and_where_it_comes_from()
    {
        var file = Export(Exported.Fresh(), WeightType.Float16);
        Assert.Equal("gpt2", file.Key<string>("general.architecture"));
        Assert.Equal(16u, file.Key<uint>("gpt2.context_length"));
        Assert.Equal(32u, file.Key<uint>("gpt2.embedding_length"));
        Assert.Equal(128u, file.Key<uint>("gpt2.feed_forward_length"));
        Assert.Equal(2u, file.Key<uint>("gpt2.block_count"));
        Assert.Equal(2u, file.Key<uint>("gpt2.attention.head_count"));
        Assert.Equal(1e-5f, file.Key<float>("gpt2.attention.layer_norm_epsilon"));
        Assert.Equal("gpt-2", file.Key<string>("tokenizer.ggml.pre"));
        Assert.Equal(50256u, file.Key<uint>("tokenizer.ggml.eos_token_id"));
        Assert.Equal("mit", file.Key<string>("general.license"));
        Assert.Equal(Exported.Origin.Write(), file.Key<string>(Origin.MetadataKey));
        Assert.Equal(Exported.Origin.Write(), OriginReader.Read(folder.File("m.gguf"))!.Write());
        var whole = File.ReadAllBytes(folder.File("m.gguf"));
        foreach (var length in new[] { 3, 20, 60, 5000 })
        {
            var cut = folder.Write("cut.gguf", whole[..length]);
            var error = Record.Exception(() => OriginReader.Read(cut));
            Assert.True(error is null or UserErrorException, $"{error}");
        }
    }

    [Fact]
    public void A_padded_vocabulary_has_as_many_tokens_as_rows()
    {
        var file = Export(Exported.Fresh(Exported.Small with { VocabularySize = 50304 }), WeightType.Float32);
        var tokens = file.Key<object[]>("tokenizer.ggml.tokens");
        var types = file.Key<object[]>("tokenizer.ggml.token_type");
        Assert.Equal(50304, tokens.Length);
        Assert.Equal(50304, types.Length);
        Assert.Equal(["Ġgazed", "<|endoftext|>", "[PAD50257]"], tokens.Skip(50255).Take(3).Cast<string>());
        Assert.Equal([1, 3, 5], types.Skip(50255).Take(3).Cast<int>());
        Assert.Equal("[PAD50303]", tokens[^1]);
        Assert.Equal(50000, file.Key<object[]>("tokenizer.ggml.merges").Length);
    }

    [Fact]
    public void A_vocabulary_of_fewer_rows_is_cut_with_its_merges()
    {
        var file = Export(Exported.Golden(), WeightType.Float32);
        Assert.Equal(512, file.Key<object[]>("tokenizer.ggml.tokens").Length);
        Assert.Equal(256, file.Key<object[]>("tokenizer.ggml.merges").Length);
        Assert.False(file.Keys.ContainsKey("tokenizer.ggml.eos_token_id"));
    }

    [Fact]
    public void In_blocks_positions_and_vectors_stay_whole_and_every_weight_within_half_a_step()
    {
        var model = Exported.Golden();
        var file = Export(model, WeightType.Q8);
        var whole = ExportTo("whole.gguf", model, WeightType.Float32);
        Assert.Equal(Float32, file.Type("position_embd.weight"));
        Assert.Equal(Float32, file.Type("blk.0.attn_qkv.bias"));
        Assert.Equal(Q8, file.Type("token_embd.weight"));
        Assert.Equal(Q8, file.Type("blk.0.ffn_down.weight"));
        Assert.Equal(7u, file.Key<uint>("general.file_type"));
        foreach (var name in file.Names.Where(name => file.Type(name) == Q8))
        {
            var (was, now) = (whole.Read(name), file.Read(name));
            for (var block = 0; block < was.Length; block += 32)
            {
                var largest = was.AsSpan(block, 32).ToArray().Max(MathF.Abs);
                // Half a step, and what the scale loses as fp16, 2^-11 of the weight.
                var bound = (largest / 127 / 2) + (largest * MathF.Pow(2, -11)) + 1e-7f;
                for (var index = block; index < block + 32; index++)
                    Assert.InRange(now[index], was[index] - bound, was[index] + bound);
            }
        }
    }

    [Fact]
    public void Rows_that_are_no_multiple_of_32_stay_fp16()
    {
        var file = Export(Exported.Fresh(new ModelShape(300, 8, 48, 2, 1)), WeightType.Q8);
        Assert.Equal(Float16, file.Type("token_embd.weight"));
        Assert.Equal(Float16, file.Type("blk.0.attn_qkv.weight"));
        Assert.Equal(Q8, file.Type("blk.0.ffn_down.weight"));
    }

    [Fact]
    public void A_folder_gets_the_file_and_a_recipe_and_nothing_is_replaced_unasked()
    {
        var place = GgufExport.PlaceOf(folder.File("out"), "mine");
        Assert.Equal(folder.File("out/mine.gguf"), place);
        Assert.Equal("x.gguf", GgufExport.PlaceOf("x.gguf", "mine"));
        var wish = new ExportRequest(place, WeightType.Float16, Overwrites: false) { IsInFolder = true };
        GgufExport.Write(Exported.Golden(), wish);
        Assert.Equal(
            ["Modelfile", "mine.gguf"], Directory.EnumerateFiles(folder.File("out")).Select(Path.GetFileName).Order());
        Assert.Contains("FROM ./mine.gguf\n", File.ReadAllText(folder.File("out/Modelfile")), StringComparison.Ordinal);
        var before = File.ReadAllBytes(place);
        Assert.Throws<UserErrorException>(() => GgufExport.Write(Exported.Golden(), wish));
        Assert.Equal(before, File.ReadAllBytes(place));
        File.Delete(place);
        Assert.Throws<UserErrorException>(() => GgufExport.Write(Exported.Golden(), wish));
        Assert.Equal(["Modelfile"], Directory.EnumerateFiles(folder.File("out")).Select(Path.GetFileName));
        GgufExport.Write(Exported.Golden(), wish with { Overwrites = true });
        Assert.Equal(before, File.ReadAllBytes(place));
    }

    private GgufFile Export(ExportedModel model, WeightType type) => ExportTo("m.gguf", model, type);

    private GgufFile ExportTo(string name, ExportedModel model, WeightType type)
    {
        GgufExport.Write(model, new ExportRequest(folder.File(name), type, Overwrites: false));
        return new GgufFile(folder.File(name));
    }
}
