namespace Gpt2Cluster.Compute.Kernels.Fused;

/// <summary>One thread's memory for a head's backward pass. K and Q stand for 64 keys and 64 queries.</summary>
internal readonly unsafe struct AttentionSpace
{
    private const int Tile = FusedLinear.TileColumns;

    /// <summary>Carves it out of a scratch.</summary>
    public AttentionSpace(WorkerScratch scratch, int padded, int width)
    {
        var (head, band, tile) = ((long)padded * width, (long)Tile * padded, Tile * Tile);
        var pieces = scratch.Reserve(
            (5 * Pieces.Size<ushort>(head)) + (2 * Pieces.Size<ushort>(band)) + Pieces.Size<ushort>(tile)
            + (2 * Pieces.Size<float>(tile)) + Pieces.Size<float>((long)Tile * width) + Pieces.Size<float>(head)
            + (2 * Pieces.Size<float>(padded)));
        QueryTiles = pieces.BFloat16(head);
        OutputTiles = pieces.BFloat16(head);
        Queries = pieces.BFloat16(head);
        Outputs = pieces.BFloat16(head);
        Keys = pieces.BFloat16(head);
        Probabilities = pieces.BFloat16(band);
        NarrowSlopes = pieces.BFloat16(band);
        PackedSlopes = pieces.BFloat16(tile);
        Scores = pieces.Float32(tile);
        Slopes = pieces.Float32(tile);
        Found = pieces.Float32((long)Tile * width);
        QueryGradient = pieces.Float32(head);
        LogSums = pieces.Float32(padded);
        Products = pieces.Float32(padded);
    }

    /// <summary>Queries by tile: (D / 2, Q, 2).</summary>
    public ushort* QueryTiles { get; }

    /// <summary>The result's gradient by tile: (D / 2, Q, 2).</summary>
    public ushort* OutputTiles { get; }

    /// <summary>(Tp / 2, D, 2).</summary>
    public ushort* Queries { get; }

    /// <summary>The result's gradient: (Tp / 2, D, 2).</summary>
    public ushort* Outputs { get; }

    /// <summary>(D, Tp).</summary>
    public ushort* Keys { get; }

    /// <summary>(K, Tp).</summary>
    public ushort* Probabilities { get; }

    /// <summary>Gradients of scores: (K, Tp).</summary>
    public ushort* NarrowSlopes { get; }

    /// <summary>Gradients of a tile's scores: (K / 2, Q, 2).</summary>
    public ushort* PackedSlopes { get; }

    /// <summary>(K, Q).</summary>
    public float* Scores { get; }

    /// <summary>Gradients of probabilities: (K, Q).</summary>
    public float* Slopes { get; }

    /// <summary>(K, D).</summary>
    public float* Found { get; }

    /// <summary>The queries' gradient by tile: (D, Q).</summary>
    public float* QueryGradient { get; }

    /// <summary>(Tp).</summary>
    public float* LogSums { get; }

    /// <summary>(Tp).</summary>
    public float* Products { get; }
}
