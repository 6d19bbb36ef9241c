namespace Gpt2Cluster.Core.Tests.Runs;

/// <summary>Golden transcripts: what the machine does, to be read by people, line for line.</summary>
public sealed class TranscriptTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Transcripts");

    public static TheoryData<string> Names { get; } =
        [.. Directory.GetFiles(Folder, "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)).Order()];

    /// <summary>What was said instead lies beside the built transcript, as <c>.actual</c>.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void The_machine_does_what_the_transcript_says(string name)
    {
        var expected = File.ReadAllText(Path.Combine(Folder, name + ".txt"));
        var actual = Transcript.Play(expected);
        if (actual != expected)
            File.WriteAllText(Path.Combine(Folder, name + ".actual"), actual);
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void There_are_transcripts() => Assert.True(Names.Count >= 8);
}
