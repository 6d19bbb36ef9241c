using Gpt2Cluster.Core.Runs.Planning;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Runs;

public sealed class AdviceTests
{
    private static readonly RunSpecification Plain = new()
    {
        Run = "struck".Run(),
        Model = new ModelReference("scratch:tiny", Presets.Scratch("scratch:tiny").Shape),
        Dataset = new DatasetReference("", 1000),
        SequenceLength = 8,
        BatchSize = 8,
        Schedule = new LearningRateSchedule(ScheduleKind.Constant, 0.01, 0),
    };

    private static readonly RunSpecification Frugal = Plain with
    {
        BatchSize = 1,
        Recompute = true,
        Trainable = TrainableParameters.Lora,
        Lora = new TrainingScope(TrainableParameters.Lora, 8).Lora(),
    };

    [Fact]
    public void What_takes_less_memory_is_said_with_how_to_follow_it() => Assert.Equal(
        "Resume it on devices with more memory. Or submit a new run: --run NEW with a smaller --batch-size (now 8), "
        + "--recompute or --train lora:8, and with --model run:struck to go on from this one's newest checkpoint if "
        + "it has one.",
        Advice.LessMemory(Plain));

    [Fact]
    public void What_a_run_does_already_is_not_advised()
    {
        Assert.DoesNotContain(
            "--batch-size", Advice.LessMemory(Plain with { BatchSize = 1 }), StringComparison.Ordinal);
        Assert.DoesNotContain(
            "--recompute", Advice.LessMemory(Plain with { Recompute = true }), StringComparison.Ordinal);
        Assert.Contains(
            "with --recompute, and", Advice.LessMemory(Frugal with { Recompute = false }), StringComparison.Ordinal);
        Assert.Equal(
            "Resume it on devices with more memory, or choose a smaller model: the run does already what takes less.",
            Advice.LessMemory(Frugal));
    }
}
