using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Specification;

public sealed class SpecificationJsonTests
{
    [Fact]
    public void What_is_written_is_read()
    {
        var specification = Specifications.Sound with
        {
            Schedule = new LearningRateSchedule(ScheduleKind.Linear, 0.1 + 0.2, 7),
            Seed = ulong.MaxValue,
            Workers = new WorkerRange(2, 5),
            OnNan = NanPolicy.Skip,
            Sampling = new SamplingOptions { Prompt = "Ω \"quoted\"\n", PromptTokens = [1, 2, 3] },
        };
        var json = SpecificationJson.Write(specification);
        Assert.DoesNotContain('\n', json);
        Assert.Equal(SpecificationJson.Leaves(specification), SpecificationJson.Leaves(SpecificationJson.Read(json)));
        Assert.Equal(0.1 + 0.2, SpecificationJson.Read(json).Schedule.Peak);
    }

    [Fact]
    public void Names_are_snake_case_and_enumerations_words()
    {
        var json = SpecificationJson.Write(Specifications.Sound);
        Assert.Contains("\"micro_batch_count\":8", json);
        Assert.Contains("\"kind\":\"cosine\"", json);
        Assert.Contains("\"run\":\"run1\"", json);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("not json")]
    public void Anything_else_is_bad_input(string json) =>
        Assert.Throws<UserErrorException>(() => SpecificationJson.Read(json));

    [Fact]
    public void An_unknown_member_or_a_bad_name_is_refused()
    {
        var json = SpecificationJson.Write(Specifications.Sound);
        Assert.Throws<UserErrorException>(() => SpecificationJson.Read(json.Replace("\"keep\"", "\"keeep\"")));
        Assert.Throws<UserErrorException>(() => SpecificationJson.Read(json.Replace("\"run1\"", "\"a/b\"")));
    }
}
