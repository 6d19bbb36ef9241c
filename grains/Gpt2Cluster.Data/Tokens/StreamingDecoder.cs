using System.Text;

namespace Gpt2Cluster.Data.Tokens;

/// <summary>
/// Turns tokens into text as they come. A character whose bytes are spread over tokens is held back until it is
/// whole, so the parts joined are what decoding all tokens at once gives.
/// </summary>
public sealed class StreamingDecoder(Gpt2Vocabulary vocabulary)
{
    private const int MostOnStack = 512;

    private readonly Decoder decoder = Encoding.UTF8.GetDecoder();

    /// <summary>The text that is complete with this token; may be empty.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The token is none of the vocabulary's.</exception>
    public string Add(int token) => Decode(vocabulary.BytesOf(token), flush: false);

    /// <summary>What was held back, as U+FFFD, and a fresh start.</summary>
    public string Finish() => Decode([], flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        var most = vocabulary.LongestTokenBytes + 4;
        var characters = most <= MostOnStack ? stackalloc char[most] : new char[most];
        var count = decoder.GetChars(bytes, characters, flush);
        return new string(characters[..count]);
    }
}
