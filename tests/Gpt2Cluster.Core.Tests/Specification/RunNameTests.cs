using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Specification;

public sealed class RunNameTests
{
    [Theory]
    [InlineData("run1")]
    [InlineData("7.a_B-c")]
    [InlineData("x")]
    public void Sound_names_are_read(string text) => Assert.Equal(text, RunName.Parse(text).ToString());

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("a/b", "contains '/'")]
    [InlineData("a b", "contains ' '")]
    [InlineData("é", "contains 'é'")]
    [InlineData(".hidden", "begins with '.'")]
    [InlineData("-x", "begins with '-'")]
    public void Other_names_are_bad_input(string text, string message) =>
        Assert.Contains(message, Assert.Throws<UserErrorException>(() => RunName.Parse(text)).Message);

    [Fact]
    public void Sixty_four_characters_fit_and_no_more()
    {
        Assert.Null(RunName.Error(new string('a', 64)));
        Assert.Contains("65 characters", RunName.Error(new string('a', 65)));
    }
}
