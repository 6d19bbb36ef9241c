using System.Text;
using Gpt2Cluster.Data.Sources;

namespace Gpt2Cluster.Data.Tests;

/// <summary>Collects documents as texts; token 50256 at the end of one shows as <c>[end]</c>.</summary>
internal sealed class CollectedDocuments : IDocumentSink
{
    private readonly List<byte> text = [];

    public List<string> Texts { get; } = [];

    public List<string> Names { get; } = [];

    public static List<string> Of(string path, SourceOptions? options = null)
    {
        using var source = DatasetSource.Open(path, options);
        var documents = new CollectedDocuments();
        source.Read(documents);
        return documents.Texts;
    }

    public void BeginDocument(string name)
    {
        text.Clear();
        Names.Add(name);
    }

    public void Text(ReadOnlySpan<byte> utf8) => text.AddRange(utf8);

    public void EndOfText() => text.AddRange("[end]"u8);

    public void Tokens(ReadOnlySpan<ushort> tokens) => Assert.Fail("texts have no tokens");

    public void EndArray() => Assert.Fail("texts have no arrays");

    public void EndDocument() => Texts.Add(Encoding.UTF8.GetString([.. text]));
}
