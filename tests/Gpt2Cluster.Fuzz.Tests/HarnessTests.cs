using System.Security.Cryptography;
using System.Text;
using Gpt2Cluster.Core;
using Gpt2Cluster.Fuzz.Mutations;
using Gpt2Cluster.Fuzz.Running;
using Gpt2Cluster.Fuzz.Targets;

namespace Gpt2Cluster.Fuzz.Tests;

/// <summary>Faults that are put in are found, and found again by their number.</summary>
public sealed class HarnessTests
{
    private const string SameInputs = "86df3e9efeca66c8";
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(0.5);

    [Theory]
    [InlineData("safetensors")]
    [InlineData("docx")]
    [InlineData("json")]
    public void A_seed_and_a_number_are_an_input(string name)
    {
        var (one, other) = (ParserTargets.Named(name)[0].NewMutator(), ParserTargets.Named(name)[0].NewMutator());
        var inputs = Enumerable.Range(0, 200).Select(index => one.Make(5, index)).ToList();
        for (var index = 199; index >= 0; index--)
            Assert.Equal(inputs[index], other.Make(5, index));
        Assert.InRange(inputs.Select(Convert.ToHexString).Distinct().Count(), 150, 200);
        Assert.NotEqual(inputs[..20], Enumerable.Range(0, 20).Select(index => one.Make(6, index)));
    }

    /// <summary>Inputs that were written down once must be the same in later versions of .NET.</summary>
    [Fact]
    public void Inputs_are_the_same_on_every_machine()
    {
        var mutator = new Mutator([new Seed("{\"text\":\"one\"}"u8.ToArray())], Vocabularies.Json);
        var all = Enumerable.Range(0, 1000).SelectMany(index => mutator.Make(1, index));
        Assert.Equal(SameInputs, Convert.ToHexStringLower(SHA256.HashData([.. all]))[..16]);
    }

    [Fact]
    public void No_input_is_longer_than_the_longest()
    {
        var mutator = ParserTargets.Named("json")[0].NewMutator();
        var longest = Enumerable.Range(0, 20_000).Max(index => mutator.Make(3, index).Length);
        Assert.InRange(longest, 1 << 17, Mutator.LongestBytes);
    }

    [Fact]
    public void Faults_are_told_from_refusals()
    {
        Assert.Equal((false, null), Try(_ => { }));
        Assert.Equal((true, null), Try(_ => throw new UserErrorException("The file a is wrong.")));
        Assert.Equal((true, "sentence"), Try(_ => throw new UserErrorException("The file a is wrong")));
        Assert.Equal("control characters", Trial.Fault("The file\na is wrong.", null));
        Assert.Equal("too long", Trial.Fault(new string('a', 5000) + ".", null));
        Assert.Equal("does not name the file", Trial.Fault("The file b is wrong.", "a"));
        Assert.Equal((false, "exception"), Try(_ => throw new InvalidDataException("It is wrong.")));
        Assert.Equal((false, "memory"), Try(_ => throw new InsufficientMemoryException()));
    }

    [Fact]
    public void What_takes_long_each_time_is_slow()
    {
        var count = 0;
        Assert.Equal((false, "slow"), Try(_ => Spin(Longest * 1.1)));
        Assert.Equal((false, null), Try(_ => Spin(count++ == 0 ? Longest * 1.1 : TimeSpan.Zero)));
    }

    [Fact]
    public void What_is_allocated_is_counted()
    {
        var result = new Trial(_ => GC.KeepAlive(new byte[10 << 20]), Longest).Run([1], 0);
        Assert.InRange(result.AllocatedBytes, 10 << 20, 11 << 20);
    }

    [Fact]
    public void A_short_input_shows_the_fault_of_a_long_one()
    {
        Trial trial = new(input =>
        {
            if (input.AsSpan().IndexOf("bad"u8) >= 0)
                throw new FormatException();
        }, Longest);
        var input = Encoding.UTF8.GetBytes(new string('x', 5000) + "bad" + new string('y', 3000));
        var finding = trial.Run(input, 0).Finding;
        Assert.NotNull(finding);
        Assert.Equal("bad", Encoding.UTF8.GetString(Shrinking.Shorten(trial, finding, input)));
    }

    /// <summary>In processes: the parsers <c>faulty-*</c> are there for this.</summary>
    [Theory]
    [InlineData("faulty-exception", "exception")]
    [InlineData("faulty-crash", "crash")]
    [InlineData("faulty-memory", "memory")]
    [InlineData("faulty-stack", "crash")]
    public void A_worker_that_does_not_survive_is_a_finding_and_the_next_goes_on(string name, string kind)
    {
        var result = Campaign.Run(ParserTargets.Named(name)[0], new CampaignOptions(1, 0, 40, null));
        Assert.Equal(40, result.Count);
        Assert.Equal(kind, Assert.Single(result.Findings).Kind);
        Assert.InRange(result.Read, 1, 39);
        Assert.Equal(1, result.FaultCount);
    }

    private static (bool IsRefused, string? Kind) Try(Reading read)
    {
        var result = new Trial(read, Longest).Run([1], 0);
        return (result.IsRefused, result.Finding?.Kind);
    }

    private static void Spin(TimeSpan time)
    {
        var used = Environment.CpuUsage.TotalTime;
        while (Environment.CpuUsage.TotalTime - used < 2 * time)
        {
        }
    }
}
