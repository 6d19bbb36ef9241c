using System.Runtime.CompilerServices;

namespace Gpt2Cluster.Core.Randomness;

/// <summary>What random numbers are drawn for; two purposes never share a number.</summary>
public enum RandomPurpose
{
    /// <summary>First weights of a model made from scratch.</summary>
    Weights = 1,

    /// <summary>Dropout masks.</summary>
    Dropout = 2,

    /// <summary>Input tokens replaced by random ones: whether.</summary>
    Noise = 3,

    /// <summary>Input tokens replaced by random ones: by which.</summary>
    NoiseToken = 4,

    /// <summary>Drawing the next token of a text.</summary>
    Sampling = 5,

    /// <summary>Made-up data for benchmarks and fingerprints.</summary>
    Synthetic = 6,

    /// <summary>First weights of adapters.</summary>
    Adapters = 7,

    /// <summary>Dropout masks of adapters.</summary>
    AdapterDropout = 8,
}

/// <summary>
/// An endless sequence of random numbers addressed by position, keyed by (seed, purpose, step, micro-batch, layer,
/// place). The bits of a number depend on nothing else: not on the order of drawing, the thread or the machine.
/// </summary>
/// <remarks>
/// Philox' key is the seed; its counter holds the position divided by four (32 bits), the step (32), the micro-batch
/// (32), and purpose, layer and place (8, 16 and 8), so that two different addresses can never meet.
/// </remarks>
public readonly record struct RandomStream
{
    /// <summary>Positions a stream has: 2^34.</summary>
    public const long PositionCount = 1L << 34;

    private const float UnitPerInteger = 1f / (1 << 24);

    private readonly ulong seed;
    private readonly uint step;
    private readonly uint microBatch;
    private readonly uint address;

    /// <summary>The stream of one purpose and place.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="purpose">What the numbers are for.</param>
    /// <param name="step">The step, 0 to 2^32 - 1.</param>
    /// <param name="microBatch">The micro-batch or the sample, 0 and up.</param>
    /// <param name="layer">The block, 0 to 65,534; -1 outside the blocks.</param>
    /// <param name="place">The place within a layer, 0 to 255.</param>
    public RandomStream(
        ulong seed, RandomPurpose purpose, long step = 0, int microBatch = 0, int layer = -1, int place = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(step, uint.MaxValue);
        ArgumentOutOfRangeException.ThrowIfNegative(microBatch);
        ArgumentOutOfRangeException.ThrowIfLessThan(layer, -1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(layer, 65534);
        ArgumentOutOfRangeException.ThrowIfNegative(place);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(place, 255);
        this.seed = seed;
        this.step = (uint)step;
        this.microBatch = (uint)microBatch;
        address = ((uint)purpose << 24) | ((uint)(layer + 1) << 8) | (uint)place;
    }

    /// <summary>32 random bits.</summary>
    public uint Bits(long position) => Block(position >> 2)[(int)(position & 3)];

    /// <summary>A number in [0, 1), a multiple of 2^-24.</summary>
    public float Unit(long position) => ToUnit(Bits(position));

    /// <summary>A number in [0, 1) with 53 random bits; it uses the words 2 x position and the one after.</summary>
    public double UnitDouble(long position)
    {
        var block = Block(position >> 1);
        var odd = (int)(position & 1) << 1;
        return ((((ulong)block[odd] << 32) | block[odd + 1]) >> 11) * (1.0 / (1L << 53));
    }

    /// <summary>
    /// An integer in [0, bound): the upper word of bits times bound, which is off uniform by less than bound / 2^32.
    /// </summary>
    public int Below(long position, int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        return (int)(((ulong)Bits(position) * (uint)bound) >> 32);
    }

    /// <summary>The four words at positions 4 x <paramref name="index"/> and up.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RandomWords Block(long index) =>
        Philox.Draw(new RandomWords(checked((uint)index), step, microBatch, address), seed);

    /// <summary>
    /// Philox' key, and the counter of the first position: its first word counts up by one every four.
    /// </summary>
    public (ulong Key, RandomWords Counter) Address => (seed, new RandomWords(0, step, microBatch, address));

    /// <summary>Dropout drops where the 32 bits of a position are below this.</summary>
    /// <param name="probability">0 to below 1.</param>
    public static uint DropThreshold(double probability) =>
        (uint)Math.Min(uint.MaxValue, Math.Round(probability * 4294967296.0));

    /// <summary>
    /// Dropout's multipliers: 0 with the given probability, else 1 / (1 - probability), so that the mean stays.
    /// </summary>
    /// <param name="multipliers">Filled with those of the positions from <paramref name="start"/> on.</param>
    /// <param name="start">The first position.</param>
    /// <param name="probability">0 to below 1.</param>
    public void FillKeepMultipliers(Span<float> multipliers, long start, double probability)
    {
        var threshold = DropThreshold(probability);
        var keep = (float)(1 / (1 - probability));
        var index = 0;
        for (; index < multipliers.Length && ((start + index) & 3) != 0; index++)
            multipliers[index] = Bits(start + index) < threshold ? 0 : keep;
        for (; index + 4 <= multipliers.Length; index += 4)
        {
            var words = Block((start + index) >> 2);
            multipliers[index] = words.W0 < threshold ? 0 : keep;
            multipliers[index + 1] = words.W1 < threshold ? 0 : keep;
            multipliers[index + 2] = words.W2 < threshold ? 0 : keep;
            multipliers[index + 3] = words.W3 < threshold ? 0 : keep;
        }

        for (; index < multipliers.Length; index++)
            multipliers[index] = Bits(start + index) < threshold ? 0 : keep;
    }

    /// <summary>A number in [0, 1) from the upper 24 of 32 bits.</summary>
    internal static float ToUnit(uint bits) => (bits >> 8) * UnitPerInteger;
}
