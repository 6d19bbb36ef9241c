using Gpt2Cluster.Compute.Generation;
using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests;

public sealed class GenerationTests
{
    private static readonly GenerationRequest Request = new()
    {
        Prompt = [5, 9, 2],
        Length = 12,
        Count = 3,
        Temperature = 0.9,
        TopK = 20,
        TopP = 0.95,
        Seed = 4,
    };

    [Theory]
    [InlineData(Precision.Float32, Route.Cpu)]
    [InlineData(Precision.BFloat16, Route.Cpu)]
    [InlineData(Precision.BFloat16, Route.CpuWithFastBFloat16)]
    [InlineData(Precision.Float32, Route.Tensors)]
    [InlineData(Precision.BFloat16, Route.Tensors)]
    public void The_cache_changes_nothing(Precision precision, Route route)
    {
        using var mode = TorchSharp.torch.no_grad();
        using var replica = Fresh(precision, route);
        var withCache = Generate(replica, Request with { Count = 1 });
        var sampler = new Sampler(Request, Replicas.TinyShape.VocabularySize);
        var text = new List<int>(Request.Prompt);
        for (var position = 0; position < Request.Length; position++)
        {
            using var decoder = replica.NewDecoder();
            using var cache = decoder.NewCache(text.Count);
            text.Add(sampler.Draw(decoder.Start(text, [cache]).Row(0), 0, position, text));
        }

        Assert.Equal(text.Skip(Request.Prompt.Count), withCache[0]);
    }

    [Fact]
    public void The_same_request_gives_the_same_text_and_another_seed_another()
    {
        using var replica = Fresh(Precision.Float32, Route.Cpu);
        var text = Generate(replica, Request);
        Assert.Equal(text, Generate(replica, Request));
        Assert.NotEqual(text, Generate(replica, Request with { Seed = 5 }));
        Assert.NotEqual(text[0], text[1]);
    }

    [Fact]
    public void Samples_made_together_equal_samples_of_a_smaller_request()
    {
        using var replica = Fresh(Precision.Float32, Route.Cpu);
        Assert.Equal(Generate(replica, Request)[0], Generate(replica, Request with { Count = 1 })[0]);
    }

    [Fact]
    public void A_sample_ends_with_the_stop_token()
    {
        using var replica = Fresh(Precision.Float32, Route.Cpu);
        var whole = Generate(replica, Request);
        var stop = whole[1][4];
        var ended = Generate(replica, Request with { StopToken = stop });
        Assert.Equal(whole[1].TakeWhile(token => token != stop).Append(stop), ended[1]);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(5, 0)]
    [InlineData(0, 0.5)]
    public void Ids_that_no_vocabulary_has_are_never_drawn(int topK, double topP)
    {
        const int count = 6;
        using var replica = Fresh(Precision.Float32, Route.Cpu);
        var wish = Request with { Length = 21, TopK = topK, TopP = topP };
        Assert.Contains(Generate(replica, wish).SelectMany(tokens => tokens), token => token >= count);
        var drawn = Generate(replica, wish with { TokenCount = count });
        Assert.All(drawn.SelectMany(tokens => tokens), token => Assert.InRange(token, 0, count - 1));
        Assert.Equal(Generate(replica, wish), Generate(replica, wish with { TokenCount = 1000 }));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(5, 1)]
    [InlineData(0, 0)]
    public void Ids_that_a_vocabulary_leaves_out_are_never_drawn_and_the_others_as_before(int topK, double temperature)
    {
        using var replica = Fresh(Precision.Float32, Route.Cpu);
        var wish = Request with { Length = 21, TopK = topK, Temperature = temperature };
        var all = Generate(replica, wish).SelectMany(tokens => tokens).ToList();
        var left = all.GroupBy(token => token).OrderByDescending(same => same.Count()).Select(same => same.Key).First();
        var drawn = Generate(replica, wish with { NeverDrawn = [left, 1000] });
        Assert.All(drawn, tokens => Assert.DoesNotContain(left, tokens));
        Assert.Equal(Generate(replica, wish), Generate(replica, wish with { NeverDrawn = [1000] }));
    }

    [Fact]
    public void One_likeliest_token_is_greedy()
    {
        using var replica = Fresh(Precision.Float32, Route.Cpu);
        Assert.Equal(
            Generate(replica, Request with { Temperature = 0 }),
            Generate(replica, Request with { TopK = 1, TopP = 0 }));
    }

    [Fact]
    public void What_leaves_the_context_or_the_vocabulary_is_refused()
    {
        using var replica = Fresh(Precision.Float32, Route.Cpu);
        Assert.Throws<ArgumentException>(() => Generate(replica, Request with { Length = 22 }));
        Assert.Throws<ArgumentException>(() => Generate(replica, Request with { Prompt = [97] }));
        Assert.Throws<ArgumentException>(() => Generate(replica, Request with { Prompt = [] }));
    }

    private static Replica Fresh(Precision precision, Route route)
    {
        var replica = Replicas.Create(Replicas.Tiny with { Precision = precision, Trains = false }, route);
        replica.Initialize(1);
        return replica;
    }

    private static int[][] Generate(Replica replica, GenerationRequest request)
    {
        var samples = Enumerable.Range(0, request.Count).Select(_ => new List<int>()).ToArray();
        replica.Generate(
            request,
            token =>
            {
                Assert.Equal(samples[token.Sample].Count, token.Position);
                samples[token.Sample].Add(token.Token);
            },
            CancellationToken.None);
        return [.. samples.Select(sample => sample.ToArray())];
    }
}
