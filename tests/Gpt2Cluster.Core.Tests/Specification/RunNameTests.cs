using Gpt2Cluster.Core.Names;

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

    [Fact]
    public void A_name_that_was_never_given_is_not_taken_for_an_empty_one()
    {
        Assert.Throws<InvalidOperationException>(() => default(RunName).ToString());
        Assert.Throws<InvalidOperationException>(() => default(SiloName).ToString());
        Assert.Throws<InvalidOperationException>(() => default(WorkerId).ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("a/0")]
    public void A_silo_has_a_name_without_a_slash(string text) =>
        Assert.Contains("A silo's name", Assert.Throws<UserErrorException>(() => SiloName.Parse(text)).Message);

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("/0")]
    [InlineData("a/")]
    [InlineData("a/-1")]
    [InlineData("a/0/1")]
    public void A_worker_is_a_silo_and_a_device(string text) =>
        Assert.Contains("as in silo/0", Assert.Throws<UserErrorException>(() => WorkerId.Parse(text)).Message);

    [Fact]
    public void A_workers_parts_are_read_and_written() =>
        Assert.Equal("a.b-1/12", new WorkerId(WorkerId.Parse("a.b-1/12").Silo, 12).ToString());
}
