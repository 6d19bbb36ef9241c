using System.Text.Json;
using CsCheck;
using Gpt2Cluster.Contracts.Runs.Events;
using Gpt2Cluster.Core.Runs;
using RunEvent = Gpt2Cluster.Contracts.Runs.Events.RunEvent;

namespace Gpt2Cluster.Contracts.Tests.Runs.Events;

public sealed class RunEventJsonTests
{
    /// <summary>Each event and the line the command line's contract asks for.</summary>
    public static TheoryData<RunEvent, string> Lines => new()
    {
        {
            new SubmittedEvent
            {
                Run = "run1".Run(), Model = "scratch:tiny", Parameters = 7, DatasetSha256 = "ab", Tokens = 100,
                    Windows = 3,
                Steps = 10, TokensPerStep = 64,
            },
            """
            {"event":"submitted","run":"run1","model":"scratch:tiny","parameters":7,"dataset_sha256":"ab",
            "tokens":100,"windows":3,"steps":10,"tokens_per_step":64}
            """
        },
        {
            new StepEvent
            {
                Run = "run1".Run(), Step = 4, Loss = 0.1 + 0.2, GradientNorm = 1.5, LearningRate = 5e-5, Seconds = 0.25,
                TokensPerSecond = 1024, Workers = 2, Generation = 1, ExchangedBytes = 99, ExposedExchangeSeconds = 0,
            },
            """
            {"event":"step","run":"run1","step":4,"loss":0.30000000000000004,"gradient_norm":1.5,
            "learning_rate":5E-05,"seconds":0.25,"tokens_per_second":1024,"workers":2,"generation":1,
            "exchanged_bytes":99,"exposed_exchange_seconds":0}
            """
        },
        {
            new ValidationEvent { Run = "run1".Run(), Step = 4, Loss = double.NaN,
                Perplexity = double.PositiveInfinity },
            """{"event":"validation","run":"run1","step":4,"loss":"NaN","perplexity":"Infinity"}"""
        },
        {
            new SampleEvent { Run = "run1".Run(), Step = 4, Index = 1, Text = "\"Grüße\",\n日本 <b>" },
            """{"event":"sample","run":"run1","step":4,"index":1,"text":"\"Grüße\",\n日本 <b>"}"""
        },
        {
            new CheckpointEvent { Run = "run1".Run(), Step = 4, StateSha256 = "cd", Path = "/x", Seconds = 1 },
            """{"event":"checkpoint","run":"run1","step":4,"state_sha256":"cd","path":"/x","seconds":1}"""
        },
        {
            new MembershipEvent { Run = "run1".Run(), Step = 4, Generation = 2, Workers = 3, Reason = "joined" },
            """{"event":"membership","run":"run1","step":4,"generation":2,"workers":3,"reason":"joined"}"""
        },
        {
            new WarningEvent { Run = "run1".Run(), Message = "short" },
            """{"event":"warning","run":"run1","message":"short"}"""
        },
        {
            new EndEvent
            {
                Run = "run1".Run(), Status = RunStatus.EarlyStopped, Step = 4, StateSha256 = "cd", Seconds = 2,
                    Tokens = 256,
            },
            """
            {"event":"end","run":"run1","status":"early_stopped","step":4,"state_sha256":"cd","seconds":2,
            "tokens":256}
            """
        },
    };

    [Theory]
    [MemberData(nameof(Lines))]
    public void Every_event_is_the_line_of_the_contract(RunEvent runEvent, string line)
    {
        var oneLine = line.ReplaceLineEndings("");
        Assert.Equal(oneLine, RunEventJson.Write(runEvent));
        Assert.True(RunEventJson.TryRead(oneLine, out var read));
        Assert.Equal(runEvent, read);
    }

    [Fact]
    public void Every_double_comes_back_with_its_bits() =>
        Gen.Double.Sample(loss =>
        {
            var line = RunEventJson.Write(
                new ValidationEvent { Run = "r".Run(), Step = 1, Loss = loss, Perplexity = 1 });
            Assert.True(RunEventJson.TryRead(line, out var read));
            return BitConverter.DoubleToInt64Bits(((ValidationEvent)read).Loss) == BitConverter.DoubleToInt64Bits(loss)
                || double.IsNaN(loss);
        });

    [Fact]
    public void A_line_may_have_its_fields_in_any_order_and_more_of_them()
    {
        Assert.True(RunEventJson.TryRead("""{"run":"r","later":1,"message":"m","event":"warning"}""", out var read));
        Assert.Equal(new WarningEvent { Run = "r".Run(), Message = "m" }, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("""{"run":"r"}""")]
    [InlineData("""{"event":"unheard-of","run":"r"}""")]
    [InlineData("""{"event":"warning","run":"r"}""")]
    public void What_is_no_event_is_said_to_be_none(string line) => Assert.False(RunEventJson.TryRead(line, out _));

    [Fact]
    public void A_line_holds_no_line_break()
    {
        var line = RunEventJson.Write(
            new SampleEvent { Run = "r".Run(), Step = 1, Index = 1, Text = "a\nb\r\u2028\u0085" });
        Assert.DoesNotContain('\n', line);
        Assert.DoesNotContain('\r', line);
        using var parsed = JsonDocument.Parse(line);
        Assert.Equal("a\nb\r\u2028\u0085", parsed.RootElement.GetProperty("text").GetString());
    }
}
