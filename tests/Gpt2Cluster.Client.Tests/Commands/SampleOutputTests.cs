using Gpt2Cluster.Client.Commands;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Client.Tests.Commands;

public sealed class SampleOutputTests : IDisposable
{
    private readonly Scratch scratch = new();

    [Fact]
    public void A_folder_gets_files_named_as_the_original_does_and_none_is_written_over()
    {
        var folder = scratch.File("texts/");
        var first = new SampleOutput(folder).Write(7, ["one", "two"]);
        Assert.Equal(scratch.File("texts/samples-7"), first);
        Assert.Equal("======== SAMPLE 1 ========\none\n\n======== SAMPLE 2 ========\ntwo\n", File.ReadAllText(first));
        Assert.Equal(scratch.File("texts/samples-7-2"), new SampleOutput(scratch.File("texts")).Write(7, ["three"]));
        Assert.Contains("two", File.ReadAllText(first), StringComparison.Ordinal);
        Assert.Equal("======== SAMPLE 1 ========\nthree\n", File.ReadAllText(scratch.File("texts/samples-7-2")));
    }

    [Fact]
    public void A_file_has_a_single_text_as_it_is_and_is_not_written_over()
    {
        var path = scratch.File("sea.txt");
        var output = new SampleOutput(path);
        Assert.Equal(path, output.Write(7, ["The sea é"]));
        Assert.Equal([.. "The sea é\n"u8], File.ReadAllBytes(path));
        Assert.Contains("already", Assert.Throws<UserErrorException>(() => new SampleOutput(path)).Message);
        Assert.Throws<UserErrorException>(() => output.Write(7, ["more"]));
        Assert.Equal("The sea é\n", File.ReadAllText(path));
    }

    public void Dispose() => scratch.Dispose();
}
