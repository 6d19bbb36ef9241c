namespace Gpt2Cluster.Data.Datasets;

/// <summary>
/// The one byte stream in which a dataset travels from a client to the cluster: the 8 bytes <c>GPT2DAT1</c>, then
/// frames of a kind (1 byte), a payload length (int32, little endian) and the payload. The last frame is <see
/// cref="FrameKind.End"/>.
/// </summary>
internal static class BundleFormat
{
    /// <summary>Longest payload of a frame.</summary>
    public const int LongestPayloadBytes = 64 << 10;

    /// <summary>Bytes before a payload.</summary>
    public const int HeadBytes = 1 + sizeof(int);

    /// <summary>How every bundle begins; the digit is the version.</summary>
    public static ReadOnlySpan<byte> Magic => "GPT2DAT1"u8;

    /// <summary>What a frame says.</summary>
    public enum FrameKind : byte
    {
        /// <summary>A document begins; its name, UTF-8.</summary>
        BeginDocument = 1,

        /// <summary>Text, UTF-8.</summary>
        Text = 2,

        /// <summary>Tokens, uint16 little endian.</summary>
        Tokens = 3,

        /// <summary>An array ends.</summary>
        EndArray = 4,

        /// <summary>The document ends.</summary>
        EndDocument = 5,

        /// <summary>The bundle ends; the count of its documents, int64 little endian.</summary>
        End = 6,
    }
}
