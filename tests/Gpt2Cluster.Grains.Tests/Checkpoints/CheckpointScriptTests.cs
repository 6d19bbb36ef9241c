namespace Gpt2Cluster.Grains.Tests.Checkpoints;

/// <summary>Golden scripts: what is done about checkpoints on disks, to be read by people, line for line.</summary>
public sealed class CheckpointScriptTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Transcripts", "Checkpoints");

    public static TheoryData<string> Names { get; } =
        [.. Directory.GetFiles(Folder, "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)).Order()];

    /// <summary>What was done instead lies beside the built script, as <c>.actual</c>.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void What_the_script_says_is_done_on_the_disk(string name)
    {
        var expected = File.ReadAllText(Path.Combine(Folder, name + ".txt"));
        var actual = CheckpointScript.Play(expected);
        if (actual != expected)
            File.WriteAllText(Path.Combine(Folder, name + ".actual"), actual);
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void There_are_scripts() => Assert.True(Names.Count >= 6);
}
