using System.Text;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Tests.Datasets;

public sealed class PromptTextTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Gpt2Tokenizer tokenizer = new();

    [Theory]
    [InlineData("", new[] { 50256 })]
    [InlineData("<|endoftext|>", new[] { 50256 })]
    [InlineData("The sea", new[] { 464, 5417 })]
    [InlineData("The<|endoftext|> sea", new[] { 464, 50256, 5417 })]
    [InlineData("The\n\n<|endoftext|>\n sea", new[] { 464, 198, 50256, 5417 })]
    public void A_prompt_is_encoded_as_a_dataset_is(string prompt, int[] tokens) =>
        Assert.Equal(tokens, PromptText.Encode(prompt, tokenizer));

    [Fact]
    public void A_file_loses_its_mark_and_its_returns()
    {
        folder.Write("prompt.txt", [0xEF, 0xBB, 0xBF, .. "The sea\r\nand\rmore\n"u8]);
        Assert.Equal("The sea\nand\nmore\n", PromptText.Read(folder.File("prompt.txt")));
    }

    [Theory]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    public void A_file_of_UTF_16_is_known_by_its_mark(string encoding)
    {
        var utf16 = Encoding.GetEncoding(encoding);
        folder.Write("prompt.txt", [.. utf16.Preamble, .. utf16.GetBytes("The sea 海\r\n🙂")]);
        Assert.Equal("The sea 海\n🙂", PromptText.Read(folder.File("prompt.txt")));
    }

    [Fact]
    public void What_is_no_text_is_refused_by_name()
    {
        folder.Write("prompt.txt", [.. "The sea"u8, 0xFF]);
        var problem = Assert.Throws<UserErrorException>(() => PromptText.Read(folder.File("prompt.txt")));
        Assert.Contains("offset 7", problem.Message, StringComparison.Ordinal);
        Assert.Throws<UserErrorException>(() => PromptText.Read(folder.File("missing.txt")));
        Assert.Throws<UserErrorException>(() => PromptText.Read(folder.Path));
    }

    public void Dispose() => folder.Dispose();
}
